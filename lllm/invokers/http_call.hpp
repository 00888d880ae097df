#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/core/awaitable.hpp"
#include "lllm/core/call_options.hpp"
#include "lllm/core/invoke_result.hpp"
#include "lllm/formats/http_message.hpp"
#include "lllm/formats/retry.hpp"
#include "lllm/net/http_client.hpp"
#include "lllm/wires/codec.hpp"
#include "lllm/wires/providers.hpp"

namespace lllm {

/// What one call over HTTP needs; made by the invoker, used by one coroutine.
struct HttpCallPlan {
  using Clock = std::chrono::steady_clock;

  HttpClient* client = nullptr;  ///< outlives the call (the caller holds its owner)
  const Codec* codec = nullptr;
  std::shared_ptr<const Provider> provider;
  std::string model;       ///< for errors: as the caller wrote it
  std::string wire_model;  ///< as the provider calls it
  HttpRequest request;
  HttpTimeouts timeouts;
  BaseStreamHandler* handler = nullptr;  ///< null: not streamed
  Clock::time_point start;
  Clock::time_point deadline;
  RetryPolicy retries;
  std::size_t max_reply_bytes = 0;
  RetryBudget* budget = nullptr;  ///< of the origin; outlives the call
  std::function<void(const Attempt&)> on_attempt;
  /// Signs or authorises the request anew before each attempt; may be empty.
  std::function<asio::awaitable<void>(HttpRequest&)> authorize;
};

/// Sends the request, again where that is allowed, and gives the decoded reply with timings and attempts.
/// @throws Exception with provider, model, status, request id, attempts and the partial message filled in.
asio::awaitable<InvokeResult> run_http_call(HttpCallPlan plan);

}  // namespace lllm
