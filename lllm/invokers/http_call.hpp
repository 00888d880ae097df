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
#include "lllm/invokers/exchange_recorder.hpp"
#include "lllm/invokers/observation.hpp"
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
  std::string model;                               ///< for errors: as the caller wrote it
  std::string wire_model;                          ///< as the provider calls it
  std::string key_source;                          ///< for errors: where the key is from; may be empty
  std::shared_ptr<const PreparedRequest> request;  ///< shared by calls that differ in the body only
  std::string body;
  json::object model_args;  ///< as they went into the body, and the names of those that did not
  std::vector<std::string> dropped_args;
  HttpTimeouts timeouts;
  BaseStreamHandler* handler = nullptr;  ///< null: not streamed
  Clock::time_point start;
  Clock::time_point deadline;
  RetryPolicy retries;
  std::size_t max_reply_bytes = 0;
  RetryBudget* budget = nullptr;  ///< of the origin; outlives the call
  std::function<void(const Attempt&)> on_attempt;
  std::shared_ptr<ExchangeRecorder> recorder;  ///< null: nobody wants to see the exchanges
  Observation* observation = nullptr;          ///< null: nobody looks; else it outlives the call
  /// Signs or authorises the request anew before each attempt; may be empty.
  std::function<asio::awaitable<void>(HttpRequest&)> authorize;
};

/// One call: sends the request, again where that is allowed, and decodes the answer. Confined to the client's
/// executor.
class HttpCall {
 public:
  /// @param plan  must outlive this.
  explicit HttpCall(HttpCallPlan& plan) : plan_(plan) {}

  /// Once. @throws Exception with provider, model, status, request id, attempts and the partial message
  /// filled in; whatever it waits for, it ends at the plan's deadline. What a stream handler throws passes
  /// through as it is.
  asio::awaitable<void> run();
  /// What run() brought back: the reply, and what is known of the way to it. Once, after it.
  std::unique_ptr<InvokeResult> take_result();
  /// Tells the handler, which there is, that all has been delivered; gives back what is to be awaited, if
  /// anything. It ends at the plan's deadline, too. `result` outlives it.
  asio::awaitable<void> end_delivery(const InvokeResult& result);

 private:
  asio::awaitable<void> attempt();
  asio::awaitable<void> sign();
  asio::awaitable<void> poll(std::string path);
  asio::awaitable<void> read_stream(HttpExchange& exchange);
  [[nodiscard]] asio::awaitable<void> in_time(asio::awaitable<void> work) const;
  asio::awaitable<void> begin_delivery();
  asio::awaitable<void> await_end(asio::awaitable<void> ending, const InvokeResult& result) const;
  asio::awaitable<void> sleep_until(HttpCallPlan::Clock::time_point when);
  void note_handler_failure();
  [[nodiscard]] bool is_call_end(const Error& error) const;
  void tell(const Attempt& attempt) const;
  void check_progress(std::optional<HttpCallPlan::Clock::time_point>& heartbeats_since) const;
  asio::awaitable<void> offer(const StreamChunk& chunk);
  asio::awaitable<void> deliver_whole(const Message& message);
  asio::awaitable<Error> refusal(HttpExchange& exchange);
  void decode(const HttpResponseHead& head, std::string_view body);
  void note(const HttpExchange& exchange, HttpCallPlan::Clock::time_point sent);
  [[nodiscard]] Error complete(Error error) const;
  [[nodiscard]] RetryDecision decide(const Error& error) const;
  [[nodiscard]] CallTimings::Duration since_start() const { return HttpCallPlan::Clock::now() - plan_.start; }

  HttpCallPlan& plan_;
  std::unique_ptr<InvokeResult> reply_;  // made when there is one: a call is small while it waits
  CallTimings timings_;
  std::vector<Attempt> attempts_;
  int replays_ = 0;
  std::string request_id_;
  std::unique_ptr<const PreparedRequest> signed_request_;  // of this attempt, where each has its own
  int status_ = 0;
  HttpHeaders headers_;  // of the last answer that was no success
  std::optional<std::chrono::milliseconds> body_delay_;
  bool accepted_ = false;        // the provider works on the request and is only asked whether it is done
  bool handler_failed_ = false;  // what a sink throws is the caller's own, passed through as it is
  std::shared_ptr<const Message> partial_;
};

}  // namespace lllm
