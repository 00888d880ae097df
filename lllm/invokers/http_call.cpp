#include "lllm/invokers/http_call.hpp"

#include <exception>
#include <random>

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "lllm/base/text.hpp"
#include "lllm/formats/framer.hpp"

namespace lllm {
namespace {

using Clock = HttpCallPlan::Clock;

constexpr std::size_t error_body_limit = 16 * 1024;  // enough for any provider's words
constexpr std::size_t provider_text_limit = 4 * 1024;

// The state of one call across its attempts.
class HttpCall {
 public:
  explicit HttpCall(HttpCallPlan plan) : plan_(std::move(plan)) {}

  asio::awaitable<InvokeResult> run();

 private:
  asio::awaitable<InvokeResult> attempt();
  asio::awaitable<InvokeResult> poll(InvokeResult first, std::string path);
  asio::awaitable<InvokeResult> read_stream(HttpExchange& exchange);
  asio::awaitable<InvokeResult> read_whole(HttpExchange& exchange);
  asio::awaitable<void> deliver(const std::vector<StreamChunk>& chunks);
  asio::awaitable<void> deliver_whole(const Message& message);
  asio::awaitable<Error> refusal(HttpExchange& exchange);
  void note(const HttpExchange& exchange, Clock::time_point sent);
  [[nodiscard]] Error complete(Error error) const;
  [[nodiscard]] RetryDecision decide(const Error& error) const;
  [[nodiscard]] CallTimings::Duration since_start() const { return Clock::now() - plan_.start; }

  HttpCallPlan plan_;
  InvokeResult record_;  // timings, attempts, request id: what does not come from the reply
  int status_ = 0;
  HttpHeaders headers_;  // of the last answer that was no success
  std::optional<std::chrono::milliseconds> body_delay_;
  bool handler_failed_ = false;  // what a sink throws is the caller's own, passed through as it is
  std::shared_ptr<const Message> partial_;
};

std::string_view request_id_of(const HttpHeaders& headers) {
  for (const auto* name : {"x-request-id", "request-id", "x-amzn-requestid", "apim-request-id"})
    if (const auto value = headers.find(name)) return *value;
  return {};
}

bool is_stream_type(std::string_view type) {
  return type == "text/event-stream" || type == "application/vnd.amazon.eventstream" ||
         type == "application/x-ndjson";
}

Error wrong_content_type(const std::string& type, std::string_view body) {
  return Error(ErrorKind::bad_reply, "the answer is " + (type.empty() ? std::string("of no type") : type) +
                                         ", not JSON: is the base URL an API's?")
      .provider_text(excerpt(to_valid_utf8(body), provider_text_limit));
}

void HttpCall::note(const HttpExchange& exchange, Clock::time_point sent) {
  const HttpTimings& t = exchange.timings();
  const auto offset = sent - plan_.start;
  record_.timings.queued = offset + t.queued;
  record_.timings.connected = offset + t.connected;
  record_.timings.first_byte = offset + t.first_byte;
  if (t.replayed) ++record_.replays;
  status_ = exchange.head().status;
  record_.request_id = std::string(request_id_of(exchange.head().headers));
}

Error HttpCall::complete(Error error) const {
  error.provider(plan_.provider->name).model(plan_.model).attempts(static_cast<int>(record_.attempts.size()));
  if (error.status() == 0) error.status(status_);
  if (error.request_id().empty()) error.request_id(record_.request_id);
  if (!error.partial() && partial_) error.partial(partial_);
  return error;
}

asio::awaitable<void> HttpCall::deliver(const std::vector<StreamChunk>& chunks) {
  if (plan_.handler == nullptr) co_return;
  for (const StreamChunk& chunk : chunks) {
    if (!record_.timings.first_token) record_.timings.first_token = since_start();
    try {
      if (auto pending = dispatch(*plan_.handler, chunk); pending.valid()) co_await std::move(pending);
    } catch (...) {
      handler_failed_ = true;
      throw;
    }
  }
}

asio::awaitable<InvokeResult> HttpCall::read_stream(HttpExchange& exchange) {
  const auto framer = make_framer(plan_.codec->framing());
  const auto decoder = plan_.codec->stream_decoder(*plan_.provider);
  std::vector<StreamChunk> chunks;
  StreamEvent event;
  std::exception_ptr failure;
  try {
    if (auto pending = plan_.handler->on_start(); pending.valid()) co_await std::move(pending);
    bool more = true;
    while (more) {
      const std::string_view bytes = co_await exchange.read_some();
      more = !bytes.empty();
      if (more)
        framer->feed(bytes);
      else
        framer->end();
      while (framer->next(event).value()) {
        chunks.clear();
        decoder->feed(event, chunks).value();
        if (chunks.empty()) continue;
        auto pending = deliver(chunks);
        co_await std::move(pending);
      }
    }
    co_return decoder->finish().value();
  } catch (...) {
    failure = std::current_exception();
  }
  partial_ = std::make_shared<const Message>(decoder->partial());
  std::rethrow_exception(failure);
}

// A whole reply where a stream was asked for still reaches the handler, in one piece of each kind.
asio::awaitable<void> HttpCall::deliver_whole(const Message& message) {
  if (auto pending = plan_.handler->on_start(); pending.valid()) co_await std::move(pending);
  std::vector<StreamChunk> chunks;
  const std::string text = message.text();
  const std::string reasoning = message.reasoning();
  const std::string refused = message.refusal();
  if (!reasoning.empty()) chunks.emplace_back(ChunkKind::reasoning, reasoning);
  if (!text.empty()) chunks.emplace_back(ChunkKind::text, text);
  if (!refused.empty()) chunks.emplace_back(ChunkKind::refusal, refused);
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    const ToolCall& call = message.tool_calls[i];
    StreamChunk chunk(ChunkKind::tool_call, call.arguments);
    chunk.tool_index = i;
    chunk.tool_id = call.id;
    chunk.tool_name = call.name;
    chunks.push_back(chunk);
  }
  auto pending = deliver(chunks);
  co_await std::move(pending);
}

asio::awaitable<InvokeResult> HttpCall::read_whole(HttpExchange& exchange) {
  const std::string type = media_type(exchange.head().headers);
  const std::string body = co_await exchange.read_all(plan_.max_reply_bytes);
  if (trim(body).empty()) throw_error(ErrorKind::bad_reply, "the answer has an empty body");
  if (type == "text/html") throw_error(wrong_content_type(type, body));
  auto result = plan_.codec->decode(*plan_.provider, body);
  if (!result && result.error().kind() == ErrorKind::parse_failed)
    throw_error(wrong_content_type(type, body));
  InvokeResult reply = std::move(result).value();
  if (auto path = plan_.codec->poll_path(body)) {
    auto pending = poll(std::move(reply), std::move(*path));
    co_return co_await std::move(pending);
  }
  co_return reply;
}

// A provider that answers "still working" is asked again, a little later each time, until the deadline.
asio::awaitable<InvokeResult> HttpCall::poll(InvokeResult first, std::string path) {
  (void)first;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  auto wait = std::chrono::milliseconds(250);
  for (;;) {
    timer.expires_after(wait);
    co_await timer.async_wait(asio::use_awaitable);
    wait = std::min(wait * 2, std::chrono::milliseconds(4000));
    HttpRequest request = plan_.request;
    const auto slash = request.target.rfind("/responses");
    request.method = "GET";
    request.target = request.target.substr(0, slash) + path;
    request.body.clear();
    HttpExchange exchange = co_await plan_.client->send(std::move(request), plan_.timeouts);
    note(exchange, Clock::now());
    if (status_ < 200 || status_ >= 300) {
      Error error = co_await refusal(exchange);
      throw_error(std::move(error));
    }
    const std::string body = co_await exchange.read_all(plan_.max_reply_bytes);
    if (plan_.codec->poll_path(body)) continue;
    co_return plan_.codec->decode(*plan_.provider, body).value();
  }
}

// The Error that a status other than 2xx means. A body that cannot be read does not hide the status.
asio::awaitable<Error> HttpCall::refusal(HttpExchange& exchange) {
  std::string body;
  try {
    for (;;) {
      const std::string_view bytes = co_await exchange.read_some();
      if (bytes.empty() || body.size() >= error_body_limit) break;
      body.append(bytes.substr(0, error_body_limit - body.size()));
    }
  } catch (const Exception& e) {
    if (e.kind() == ErrorKind::cancelled || e.kind() == ErrorKind::deadline_exceeded) throw;
  }
  Error error = plan_.codec->decode_error(status_, body);
  if (error.provider_text().empty()) error.provider_text(excerpt(to_valid_utf8(body), provider_text_limit));
  body_delay_ = error.retry_after();
  headers_ = exchange.head().headers;
  co_return error;
}

asio::awaitable<InvokeResult> HttpCall::attempt() {
  status_ = 0;
  headers_.clear();
  body_delay_.reset();
  HttpRequest request = plan_.request;
  if (plan_.authorize) {
    auto pending = plan_.authorize(request);
    co_await std::move(pending);
  }
  const auto sent = Clock::now();
  HttpExchange exchange = co_await plan_.client->send(std::move(request), plan_.timeouts);
  note(exchange, sent);
  if (status_ < 200 || status_ >= 300) {
    Error error = co_await refusal(exchange);
    throw_error(std::move(error));
  }
  const bool streamed = plan_.handler != nullptr && is_stream_type(media_type(exchange.head().headers));
  if (streamed) {
    auto pending = read_stream(exchange);
    co_return co_await std::move(pending);
  }
  auto pending = read_whole(exchange);
  InvokeResult result = co_await std::move(pending);
  if (plan_.handler != nullptr) {
    auto delivery = deliver_whole(result.message);
    co_await std::move(delivery);
  }
  co_return result;
}

// Jitter needs no secrecy, only that a thousand clients do not come back in step.
double jitter() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_real_distribution<double>()(random);
}

RetryDecision HttpCall::decide(const Error& error) const {
  FailedAttempt failed;
  failed.attempts = static_cast<int>(record_.attempts.size());
  failed.kind = error.kind();
  failed.status = status_;
  failed.headers = status_ == 0 ? nullptr : &headers_;
  failed.body_delay = body_delay_;
  failed.delivered = record_.timings.first_token.has_value();
  RetryDecision decision = next_delay(plan_.retries, failed, jitter(), std::chrono::system_clock::now());
  if (!decision.retry) return decision;
  if (Clock::now() + decision.delay >= plan_.deadline) {
    decision.retry = false;
    decision.reason = "the call's deadline comes before the next attempt";
  } else if (!plan_.budget->take_retry(Clock::now())) {
    decision.retry = false;
    decision.reason = "the retry budget of this host is used up";
  }
  return decision;
}

asio::awaitable<InvokeResult> HttpCall::run() {
  plan_.budget->note_request();
  for (;;) {
    record_.attempts.emplace_back();
    record_.attempts.back().number = static_cast<int>(record_.attempts.size());
    std::exception_ptr failure;
    std::optional<InvokeResult> result;
    try {
      auto pending = attempt();
      result = co_await std::move(pending);
    } catch (...) {
      failure = std::current_exception();
    }
    Attempt& attempt = record_.attempts.back();
    attempt.status = status_;
    if (result) {
      if (plan_.on_attempt) plan_.on_attempt(attempt);
      record_.timings.last_token = since_start();
      result->timings = record_.timings;
      result->attempts = std::move(record_.attempts);
      result->replays = record_.replays;
      result->request_id = std::move(record_.request_id);
      co_return std::move(*result);
    }
    if (handler_failed_) std::rethrow_exception(failure);
    Error error = complete(error_from(failure));
    const RetryDecision decision = decide(error);
    if (decision.server_delay) error.retry_after(decision.server_delay);
    attempt.error = error;
    attempt.reason = std::string(decision.reason);
    if (decision.retry) attempt.wait = decision.delay;
    if (plan_.on_attempt) plan_.on_attempt(attempt);
    if (!decision.retry) throw_error(std::move(error));

    asio::steady_timer timer(co_await asio::this_coro::executor, decision.delay);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace

asio::awaitable<InvokeResult> run_http_call(HttpCallPlan plan) {
  HttpCall call(std::move(plan));
  auto pending = call.run();
  co_return co_await std::move(pending);
}

}  // namespace lllm
