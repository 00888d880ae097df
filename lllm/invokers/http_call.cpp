#include "lllm/invokers/http_call.hpp"

#include <exception>
#include <random>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "lllm/async/deadline.hpp"
#include "lllm/base/text.hpp"
#include "lllm/base/time.hpp"
#include "lllm/formats/bom.hpp"
#include "lllm/formats/framer.hpp"
#include "lllm/invokers/sent_secrets.hpp"

namespace lllm {
namespace {

using Clock = HttpCallPlan::Clock;

constexpr std::size_t error_body_limit = 16 * 1024;  // enough for any provider's words
constexpr std::size_t provider_text_limit = 4 * 1024;

std::string_view request_id_of(const HttpHeaders& headers) {
  for (const auto* name : {"x-request-id", "request-id", "x-amzn-requestid", "apim-request-id"})
    if (const auto value = headers.find(name)) return *value;
  return {};
}

bool is_stream(const HttpHeaders& headers) {
  return has_media_type(headers, "text/event-stream") ||
         has_media_type(headers, "application/vnd.amazon.eventstream") ||
         has_media_type(headers, "application/x-ndjson");
}

Error wrong_content_type(const std::string& type, std::string_view body) {
  return Error(ErrorKind::bad_reply, "the answer is " + (type.empty() ? std::string("of no type") : type) +
                                         ", not JSON: is the base URL an API's?")
      .provider_text(excerpt(to_valid_utf8(body), provider_text_limit));
}

Error too_long(std::size_t limit) {
  return Error(ErrorKind::limit_exceeded, "the answer is longer than " + std::to_string(limit) +
                                              " bytes (InvokerOptions::max_reply_bytes)");
}

// Jitter needs no secrecy, only that a thousand clients do not come back in step.
double jitter() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_real_distribution<double>()(random);
}

}  // namespace

void HttpCall::note(const HttpExchange& exchange, Clock::time_point sent) {
  const HttpTimings& t = exchange.timings();
  const auto offset = sent - plan_.start;
  timings_.queued = offset + t.queued;
  timings_.connected = offset + t.connected;
  timings_.first_byte = offset + t.first_byte;
  if (t.replayed) ++replays_;
  status_ = exchange.head().status;
  if (plan_.recorder)
    plan_.recorder->answered(exchange.head(), status_ < 400 && is_stream(exchange.head().headers));
  request_id_ = std::string(request_id_of(exchange.head().headers));
}

Error HttpCall::complete(Error error) const {
  error.provider(plan_.provider->name).model(plan_.model).attempts(static_cast<int>(attempts_.size()));
  if (error.status() == 0) error.status(status_);
  if (error.kind() == ErrorKind::authentication && !plan_.key_source.empty())
    error.message(error.message() + ": it refused the key from " + plan_.key_source);
  if (error.request_id().empty()) error.request_id(request_id_);
  if (!error.partial() && partial_) error.partial(partial_);
  // Some providers say the key back.
  const SentSecrets secrets((signed_request_ ? *signed_request_ : *plan_.request).request());
  const auto hidden = [&secrets](const std::string& text) { return secrets.hidden(text, "(the key)"); };
  error.provider_text(hidden(error.provider_text())).provider_type(hidden(error.provider_type()));
  error.provider_code(hidden(error.provider_code())).message(hidden(error.message()));
  return error;
}

// What a sink throws is its own business, except where the call's own end came while the sink was at work.
void HttpCall::note_handler_failure() {
  handler_failed_ = !is_call_end(error_from(std::current_exception()));
}

bool HttpCall::is_call_end(const Error& error) const {
  return error.kind() == ErrorKind::cancelled ||
         (error.kind() == ErrorKind::deadline_exceeded && Clock::now() >= plan_.deadline);
}

// The transport keeps the deadline by itself. A sink that waits, and a sign-in, know nothing of it.
asio::awaitable<void> HttpCall::in_time(asio::awaitable<void> work) const {
  return with_deadline(std::move(work), plan_.deadline, "the deadline of the call ran out");
}

asio::awaitable<void> HttpCall::begin_delivery() {
  try {
    if (auto pending = plan_.handler->on_start(); pending.valid()) {
      auto bounded = in_time(std::move(pending));
      co_await std::move(bounded);
    }
  } catch (...) {
    note_handler_failure();
    throw;
  }
}

asio::awaitable<void> HttpCall::end_delivery(const InvokeResult& result) {
  if (auto ending = plan_.handler->on_finish(result); ending.valid())
    return await_end(std::move(ending), result);
  return {};
}

asio::awaitable<void> HttpCall::await_end(asio::awaitable<void> ending, const InvokeResult& result) const {
  std::exception_ptr failure;
  try {
    auto bounded = in_time(std::move(ending));
    co_await std::move(bounded);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  const Error error = error_from(failure);
  if (!is_call_end(error)) std::rethrow_exception(failure);
  throw_error(complete(error)
                  .attempts(static_cast<int>(result.attempts.size()))
                  .request_id(result.request_id)
                  .partial(std::make_shared<const Message>(result.message)));
}

// Gives the handler a chunk, and gives back what is to be awaited: mostly nothing. handler_failed_ stays set
// when it throws; who awaits clears it.
asio::awaitable<void> HttpCall::offer(const StreamChunk& chunk) {
  if (!timings_.first_token) {
    timings_.first_token = since_start();
    std::string().swap(plan_.body);  // from now on it will not be sent again
  }
  if (plan_.observation != nullptr) plan_.observation->chunk(chunk);
  handler_failed_ = true;  // whatever is thrown from here
  if (auto pending = dispatch(*plan_.handler, chunk); pending.valid()) return in_time(std::move(pending));
  handler_failed_ = false;
  return {};
}

// Bytes came that held no event. Comments and pings keep a connection open; they are no answer.
void HttpCall::check_progress(std::optional<Clock::time_point>& heartbeats_since) const {
  const auto now = Clock::now();
  if (!heartbeats_since) heartbeats_since = now;
  const auto limit = plan_.timeouts.progress;
  if (limit.count() > 0 && now - *heartbeats_since >= limit)
    throw_error(ErrorKind::progress_timeout, "the provider sent nothing but heartbeats: given up after " +
                                                 std::to_string(limit.count()) + " ms");
}

asio::awaitable<void> HttpCall::read_stream(HttpExchange& exchange) {
  const auto framer = make_framer(plan_.codec->framing());
  const auto decoder = plan_.codec->stream_decoder(*plan_.provider);
  std::vector<StreamChunk> chunks;
  StreamEvent event;
  std::optional<Clock::time_point> heartbeats_since;
  std::exception_ptr failure;
  try {
    auto beginning = begin_delivery();
    co_await std::move(beginning);
    bool more = true;
    std::size_t left = plan_.max_reply_bytes;
    while (more) {
      const std::string_view bytes = co_await exchange.read_some();
      more = !bytes.empty();
      if (bytes.size() > left) throw_error(too_long(plan_.max_reply_bytes));
      left -= bytes.size();
      if (plan_.recorder) plan_.recorder->add(bytes);
      if (more)
        framer->feed(bytes);
      else
        framer->end();
      bool progress = false;
      while (framer->next(event).value()) {
        progress = progress || event.type != "ping";
        chunks.clear();
        decoder->feed(event, chunks).value();
        for (const StreamChunk& chunk : chunks)
          if (auto pending = offer(chunk); pending.valid()) {
            co_await std::move(pending);
            handler_failed_ = false;
          }
      }
      if (progress)
        heartbeats_since.reset();
      else
        check_progress(heartbeats_since);
    }
    reply_ = std::make_unique<InvokeResult>(std::move(decoder->finish()).value());
    co_return;
  } catch (...) {
    failure = std::current_exception();
    if (handler_failed_) note_handler_failure();
  }
  partial_ = std::make_shared<const Message>(decoder->partial());
  std::rethrow_exception(failure);
}

// A whole reply where a stream was asked for still reaches the handler, in one piece of each kind.
asio::awaitable<void> HttpCall::deliver_whole(const Message& message) {
  auto beginning = begin_delivery();
  co_await std::move(beginning);
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
    if (call.provider_id) chunk.tool_id = *call.provider_id;
    chunk.tool_name = call.name;
    chunks.push_back(chunk);
  }
  try {
    for (const StreamChunk& chunk : chunks)
      if (auto pending = offer(chunk); pending.valid()) {
        co_await std::move(pending);
        handler_failed_ = false;
      }
  } catch (...) {
    if (handler_failed_) note_handler_failure();
    throw;
  }
}

void HttpCall::decode(const HttpResponseHead& head, std::string_view body) {
  body = without_bom(body);
  if (trim(body).empty()) throw_error(ErrorKind::bad_reply, "the answer has an empty body");
  const auto wrong_type = [&] { return wrong_content_type(media_type(head.headers), body); };
  if (has_media_type(head.headers, "text/html")) throw_error(wrong_type());
  auto reply = plan_.codec->decode(*plan_.provider, body);
  if (!reply && reply.error().kind() == ErrorKind::parse_failed) throw_error(wrong_type());
  reply_ = std::make_unique<InvokeResult>(std::move(reply).value());
}

std::unique_ptr<InvokeResult> HttpCall::take_result() {
  reply_->model_args = std::move(plan_.model_args);
  reply_->dropped_args = std::move(plan_.dropped_args);
  reply_->timings = timings_;
  reply_->attempts = std::move(attempts_);
  reply_->replays = replays_;
  reply_->request_id = std::move(request_id_);
  return std::move(reply_);
}

asio::awaitable<void> HttpCall::sleep_until(Clock::time_point when) {
  asio::steady_timer timer(co_await asio::this_coro::executor, when);
  auto wait = timer.async_wait(asio::as_tuple(asio::deferred));
  const auto [stopped] = co_await std::move(wait);
  if (stopped) throw_error(ErrorKind::cancelled, "the call was cancelled");
}

// A provider that answers "still working" is asked again, a little later each time, until the deadline. It
// has taken the request: whatever fails from now on, the request itself is not sent a second time.
asio::awaitable<void> HttpCall::poll(std::string path) {
  auto wait = std::chrono::milliseconds(250);
  int stumbles = 0;
  accepted_ = true;
  HttpRequest request = plan_.request->request();
  const auto query = std::min(request.target.find('?'), request.target.size());
  const auto slash = request.target.rfind("/responses", query);
  request.method = "GET";
  request.target = request.target.substr(0, slash) + path + request.target.substr(query);
  request.headers.remove("Content-Type");
  const PreparedRequest prepared = PreparedRequest::make(std::move(request)).value();
  for (;;) {
    const auto next = Clock::now() + wait;
    co_await sleep_until(std::min(next, plan_.deadline));
    if (next >= plan_.deadline)
      throw_error(ErrorKind::deadline_exceeded, "the deadline of the call ran out while the model worked on");
    wait = std::min(wait * 2, std::chrono::milliseconds(4000));
    const auto sent = Clock::now();
    if (plan_.recorder) plan_.recorder->begin(prepared.request(), {});
    HttpExchange exchange = co_await plan_.client->send_prepared(prepared, {}, plan_.timeouts);
    note(exchange, sent);
    if (status_ < 200 || status_ >= 300) {
      Error error = co_await refusal(exchange);
      const bool passing = status_ == 408 || status_ == 429 || status_ >= 500;
      if (passing && ++stumbles <= plan_.retries.max_retries) continue;
      throw_error(std::move(error));
    }
    stumbles = 0;
    const std::string body = co_await exchange.read_all(plan_.max_reply_bytes);
    if (plan_.recorder) plan_.recorder->add(body);
    if (plan_.codec->poll_path(body)) continue;
    decode(exchange.head(), body);
    co_return;
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
      if (plan_.recorder) plan_.recorder->add(bytes);
    }
  } catch (const Exception& e) {
    if (e.kind() == ErrorKind::cancelled || e.kind() == ErrorKind::deadline_exceeded) throw;
  }
  Error error = plan_.codec->decode_error(status_, without_bom(body));
  if (error.provider_text().empty()) error.provider_text(excerpt(to_valid_utf8(body), provider_text_limit));
  body_delay_ = error.retry_after();
  headers_ = exchange.head().headers;
  co_return error;
}

// Made anew for each attempt, where it has to be: signatures and tokens grow old.
asio::awaitable<void> HttpCall::sign() {
  HttpRequest request = plan_.request->request();
  request.body = plan_.body;
  auto pending = in_time(plan_.authorize(request));
  co_await std::move(pending);
  signed_request_ =
      std::make_unique<const PreparedRequest>(PreparedRequest::make(std::move(request)).value());
}

asio::awaitable<void> HttpCall::attempt() {
  status_ = 0;
  headers_.clear();
  body_delay_.reset();
  if (plan_.authorize) {
    auto pending = sign();
    co_await std::move(pending);
  }
  const PreparedRequest& request = signed_request_ ? *signed_request_ : *plan_.request;
  if (plan_.recorder) plan_.recorder->begin(request.request(), plan_.body);
  const auto sent = Clock::now();
  HttpExchange exchange =
      co_await plan_.client->send_prepared(request, plan_.body, plan_.timeouts, plan_.observation);
  note(exchange, sent);
  if (plan_.observation != nullptr) plan_.observation->first_byte(status_, exchange.timings());
  if (status_ < 200 || status_ >= 300) {
    Error error = co_await refusal(exchange);
    throw_error(std::move(error));
  }
  if (plan_.handler != nullptr && is_stream(exchange.head().headers)) {
    auto pending = read_stream(exchange);
    co_await std::move(pending);
    co_return;
  }
  std::string received;
  std::string_view body = exchange.whole_body(plan_.max_reply_bytes);
  if (body.empty()) {
    received = co_await exchange.read_all(plan_.max_reply_bytes);
    body = received;
  }
  if (plan_.recorder) plan_.recorder->add(body);
  decode(exchange.head(), body);
  auto path = plan_.codec->poll_path(body);
  exchange = HttpExchange();  // the connection is free for others
  if (path) {
    auto pending = poll(std::move(*path));
    co_await std::move(pending);
  }
  if (plan_.handler != nullptr) {
    auto delivery = deliver_whole(reply_->message);
    co_await std::move(delivery);
  }
}

RetryDecision HttpCall::decide(const Error& error) const {
  if (accepted_) {
    RetryDecision never;
    never.reason = "the provider had taken the request";
    return never;
  }
  FailedAttempt failed;
  failed.attempts = static_cast<int>(attempts_.size());
  failed.kind = error.kind();
  failed.status = status_;
  failed.headers = status_ == 0 ? nullptr : &headers_;
  failed.body_delay = body_delay_;
  failed.delivered = timings_.first_token.has_value();
  RetryDecision decision = next_delay(plan_.retries, failed, jitter(), std::chrono::system_clock::now());
  if (!decision.retry) return decision;
  if (time_after(Clock::now(), decision.delay) >= plan_.deadline) {
    decision.retry = false;
    decision.reason = "the call's deadline comes before the next attempt";
  } else if (!plan_.budget->take_retry(Clock::now())) {
    decision.retry = false;
    decision.reason = "the retry budget of this host is used up";
  }
  return decision;
}

asio::awaitable<void> HttpCall::run() {
  plan_.budget->note_request();
  for (;;) {
    attempts_.emplace_back();
    attempts_.back().number = static_cast<int>(attempts_.size());
    if (plan_.observation != nullptr) plan_.observation->start_attempt();
    std::exception_ptr failure;
    try {
      auto pending = attempt();
      co_await std::move(pending);
    } catch (...) {
      failure = std::current_exception();
    }
    if (plan_.recorder) plan_.recorder->end();
    Attempt& attempt = attempts_.back();
    attempt.status = status_;
    if (!failure) {
      tell(attempt);
      timings_.last_token = since_start();
      co_return;
    }
    if (handler_failed_) {
      attempt.error = error_from(failure);
      tell(attempt);
      std::rethrow_exception(failure);
    }
    Error error = complete(error_from(failure));
    const RetryDecision decision = decide(error);
    if (decision.server_delay) error.retry_after(decision.server_delay);
    attempt.error = error;
    attempt.reason = std::string(decision.reason);
    if (decision.retry) attempt.wait = decision.delay;
    tell(attempt);
    if (!decision.retry) throw_error(std::move(error));
    std::exception_ptr stopped;
    try {
      co_await sleep_until(Clock::now() + decision.delay);
    } catch (...) {
      stopped = std::current_exception();
    }
    if (stopped) throw_error(complete(error_from(stopped)));
  }
}

void HttpCall::tell(const Attempt& attempt) const {
  if (plan_.on_attempt) plan_.on_attempt(attempt);
  if (plan_.observation != nullptr) plan_.observation->finish_attempt(attempt);
}

}  // namespace lllm
