#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/core/invoke_result.hpp"
#include "lllm/core/stream_handler.hpp"
#include "lllm/net/http_client.hpp"

namespace lllm {

/// A call as its observers see it. Views live as long as the call.
class ObservedCall {
 public:
  std::uint64_t id = 0;  ///< unique in this process, counted from 1
  std::string_view provider;
  std::string_view model;  ///< as the caller wrote it
  bool streamed = false;
  int attempt = 0;  ///< the present one, from 1; 0 before the first
  std::uint64_t chunks = 0;
  std::chrono::steady_clock::time_point start;
};

/// Sees what an invoker's calls do: for logs, metrics and traces. Every call that is started is finished
/// exactly once, also when it is cancelled or its context goes away.
///
/// No key, header or body is passed here; chunks and errors may hold the model's and the provider's words.
/// Called on the invoker's executor, between two steps of the call: be quick, and do not throw. One observer
/// may serve several invokers if it is written for their threads; LogObserver and MetricsObserver are.
class CallObserver {
 public:
  virtual ~CallObserver() = default;

  virtual void call_started(const ObservedCall&) {}
  virtual void attempt_started(const ObservedCall&) {}
  /// A connection is at hand and the request about to be sent. Timings count from the attempt's start.
  virtual void connected(const ObservedCall&, const HttpTimings&) {}
  /// The head of an answer is there.
  virtual void first_byte(const ObservedCall&, int /*status*/, const HttpTimings&) {}
  /// A delta is about to be given to the stream handler.
  virtual void chunk(const ObservedCall&, const StreamChunk&) {}
  /// With the reason why another attempt follows or not, and the wait before it.
  virtual void attempt_finished(const ObservedCall&, const Attempt&) {}
  virtual void call_succeeded(const ObservedCall&, const InvokeResult&) {}
  virtual void call_failed(const ObservedCall&, const Error&) {}
  /// After what may have changed it. @param pool  tells the pools of several invokers apart.
  virtual void pool_state(std::uint64_t /*pool*/, const HttpClientStats&) {}
  /// The pool's last word, once: its invoker has gone and its last call has ended. Called by whichever thread
  /// let go of it last.
  virtual void pool_closed(std::uint64_t /*pool*/, const HttpClientStats&) {}
};

}  // namespace lllm
