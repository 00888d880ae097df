#pragma once

#include <string>

#include "lllm/invokers/observer.hpp"

namespace lllm {

/// Writes what calls do through lllm's log (base/log.hpp), component "call": failures as warnings, retries
/// and finished calls as info, each step and the pool as debug. Never the words of a prompt or an answer.
///
///     lllm::set_log_level(lllm::LogLevel::info);
///     options.observe(std::make_shared<lllm::LogObserver>());
///
/// Thread-safety: any number of invokers on any threads.
class LogObserver : public CallObserver {
 public:
  void call_started(const ObservedCall& call) override;
  void attempt_started(const ObservedCall& call) override;
  void connected(const ObservedCall& call, const HttpTimings& timings) override;
  void first_byte(const ObservedCall& call, int status, const HttpTimings& timings) override;
  void chunk(const ObservedCall& call, const StreamChunk& chunk) override;
  void attempt_finished(const ObservedCall& call, const Attempt& attempt) override;
  void call_succeeded(const ObservedCall& call, const InvokeResult& result) override;
  void call_failed(const ObservedCall& call, const Error& error) override;
  void pool_state(std::uint64_t pool, const HttpClientStats& stats) override;
};

}  // namespace lllm
