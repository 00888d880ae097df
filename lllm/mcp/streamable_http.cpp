#include "lllm/mcp/streamable_http.hpp"

#include <algorithm>
#include <utility>

#include "lllm/async/deadline.hpp"
#include "lllm/base/text.hpp"
#include "lllm/formats/retry.hpp"
#include "lllm/formats/sse.hpp"
#include "lllm/runtime/auth.hpp"

namespace lllm {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto time_to_tell = 1000ms;
constexpr auto time_to_forget = 2000ms;
/// For the end of a stream behind its answer, so that its connection can be kept.
constexpr auto time_to_end = 250ms;
constexpr std::size_t most_refusal = 4096;
constexpr std::size_t longest_session_id = 4096;

ErrorKind kind_of(int status) {
  switch (status) {
    case 401:
      return ErrorKind::authentication;
    case 403:
      return ErrorKind::permission_denied;
    case 429:
      return ErrorKind::rate_limited;
    case 503:
      return ErrorKind::overloaded;
    default:
      break;
  }
  if (status >= 500) return ErrorKind::provider_error;
  if (status < 400 || status == 404 || status == 405 || status == 410) return ErrorKind::not_found;
  return ErrorKind::invalid_request;
}

/// What may help whoever reads the error.
std::string hint(int status, const std::string& method, const AuthHeader& auth) {
  if (status == 401 || status == 403)
    return auth.header.empty() ? "; it wants credentials, and none are declared ('auth')"
                               : "; the key comes from the variable " + auth.env;
  if (status >= 300 && status < 400) return ", a redirect, which is not followed: give the URL it leads to";
  if (method == "initialize" && (status == 404 || status == 405))
    return ": no server of streamable HTTP is there. lllm does not speak the older HTTP+SSE (2024-11-05)";
  return {};
}

bool is_session_id(std::string_view id) {
  return id.size() <= longest_session_id &&
         std::all_of(id.begin(), id.end(), [](char c) { return c >= 0x21 && c <= 0x7e; });
}

}  // namespace

struct StreamableHttpSession::EventStream {
  EventStream(HttpExchange from, std::size_t max_event) : exchange(std::move(from)), parser(max_event) {}
  HttpExchange exchange;
  SseParser parser;
};

StreamableHttpSession::StreamableHttpSession(std::shared_ptr<HttpClient> http,
                                             std::shared_ptr<Errands> errands,
                                             std::shared_ptr<const McpEndpoint> endpoint, Url url,
                                             std::size_t max_message, std::string name,
                                             std::shared_ptr<McpNews> news)
    : http_(std::move(http)),
      errands_(std::move(errands)),
      endpoint_(std::move(endpoint)),
      url_(std::move(url)),
      max_message_(max_message),
      name_(std::move(name)),
      news_(std::move(news)) {}

// --- sending -----------------------------------------------------------------------------------------------

HttpRequest StreamableHttpSession::made(const char* method, std::string body) const {
  HttpRequest request(method, url_.origin, url_.target, {}, std::move(body));
  for (const auto& [name, value] : endpoint_->headers) request.headers.set(name, value);
  request.headers.set("Accept", "application/json, text/event-stream");
  if (!request.body.empty()) request.headers.set("Content-Type", "application/json");
  if (!version_.empty()) request.headers.set("MCP-Protocol-Version", version_);
  if (!id_.empty()) request.headers.set("Mcp-Session-Id", id_);
  add_auth(request, endpoint_->auth, name_, process_variable).value();
  return request;
}

asio::awaitable<HttpExchange> StreamableHttpSession::send(HttpRequest request, Clock::time_point deadline) {
  HttpTimeouts timeouts;
  // A tool may take its time, for as long as the call itself may.
  timeouts.first_byte = timeouts.idle = 0ms;
  timeouts.deadline = deadline;
  return http_->send(std::move(request), timeouts);
}

asio::awaitable<std::optional<RpcMessage>> StreamableHttpSession::request(McpRequest request) {
  const auto self = shared_from_this();  // the client may be destroyed meanwhile
  try {
    auto exchanging = exchange(request);
    auto answer = co_await std::move(exchanging);
    co_return answer;
  } catch (...) {
    const Error error = error_from(std::current_exception());
    const bool late = error.kind() == ErrorKind::deadline_exceeded;
    // The server need not work for who has gone; that the connection is closed tells it nothing.
    if ((late || error.kind() == ErrorKind::cancelled) && !over_ && request.method != "initialize")
      errands_->run(tell(
          self, write_rpc_notification("notifications/cancelled", json::object{{"requestId", request.id}})));
    if (late)
      throw_error(ErrorKind::deadline_exceeded, name_ + " did not answer '" + request.method + "' in time");
    throw;
  }
}

asio::awaitable<std::optional<RpcMessage>> StreamableHttpSession::exchange(const McpRequest& request) {
  auto sending = send(made("POST", request.message), request.deadline);
  HttpExchange answer = co_await std::move(sending);
  const HttpResponseHead& head = answer.head();
  if (forgotten(head.status)) co_return std::nullopt;
  if (head.status / 100 != 2) {
    auto refusing = refuse(answer, request.method);
    co_await std::move(refusing);
  }
  if (request.method == "initialize") take_session_id(head.headers);
  if (has_media_type(head.headers, "text/event-stream")) {
    auto reading = read_events(std::move(answer), request);
    co_return co_await std::move(reading);
  }
  auto reading = read_json(answer, request);
  co_return co_await std::move(reading);
}

asio::awaitable<void> StreamableHttpSession::notify(std::string message, Clock::time_point deadline) {
  const auto self = shared_from_this();
  auto sending = send(made("POST", std::move(message)), deadline);
  HttpExchange answer = co_await std::move(sending);
  const int status = answer.head().status;
  if (forgotten(status)) co_return;
  if (status / 100 != 2) {
    auto refusing = refuse(answer, "a notification");
    co_await std::move(refusing);
  }
  // Only an answer that is as it should be leaves a connection worth keeping.
  if (status != 202 && status != 204) co_return;
  auto reading = answer.read_all(most_refusal);
  co_await std::move(reading);
}

/// Whether the server knows this session no more: then it has not looked at the request.
bool StreamableHttpSession::forgotten(int status) {
  if (status != 404 || id_.empty()) return false;
  if (!std::exchange(over_, true)) ++news_->stats.sessions_lost;
  return true;
}

void StreamableHttpSession::take_session_id(const HttpHeaders& headers) {
  const auto id = headers.get("Mcp-Session-Id");
  if (!is_session_id(id)) throw_error(ErrorKind::bad_reply, name_ + " gave its session an id that is none");
  id_ = id;
}

asio::awaitable<void> StreamableHttpSession::tell(std::shared_ptr<StreamableHttpSession> self,
                                                  std::string message) {
  auto notifying = self->notify(std::move(message), Clock::now() + time_to_tell);
  co_await std::move(notifying);
}

asio::awaitable<void> StreamableHttpSession::close() {
  const auto self = shared_from_this();
  if (std::exchange(over_, true) || id_.empty()) co_return;
  try {
    auto sending = send(made("DELETE", {}), Clock::now() + time_to_forget);
    co_await std::move(sending);
  } catch (const Exception& failure) {
    if (failure.kind() == ErrorKind::cancelled) throw;
  }
}

// --- what comes back ---------------------------------------------------------------------------------------

asio::awaitable<void> StreamableHttpSession::refuse(HttpExchange& exchange, const std::string& method) {
  const HttpResponseHead& head = exchange.head();
  std::string body;
  try {
    while (body.size() < most_refusal) {
      auto reading = exchange.read_some();
      const auto bytes = co_await std::move(reading);
      if (bytes.empty()) break;
      body.append(bytes.substr(0, most_refusal - body.size()));
    }
  } catch (const Exception& failure) {
    if (failure.kind() == ErrorKind::cancelled) throw;
  }
  std::string what = name_ + " answered '" + method + "' with HTTP " + std::to_string(head.status);
  if (const auto phrase = reason_phrase(head.status); !phrase.empty()) what.append(" ").append(phrase);
  const bool hopeless = method == "initialize" && (head.status == 404 || head.status == 405);
  Error error(hopeless ? ErrorKind::unsupported : kind_of(head.status),
              what + hint(head.status, method, endpoint_->auth));
  error.provider_text(mcp_excerpt(body))
      .retry_after(retry_after(head.headers, std::chrono::system_clock::now()));
  // A newer server has no 'initialize', and says what it speaks.
  if (const auto messages = read_rpc(body); messages && messages->size() == 1)
    if (const auto& told = messages->front(); array_at(told.value, "supported") != nullptr)
      error = mcp_error(name_, method, told);
  throw_error(error.status(head.status));
  co_return;
}

std::optional<RpcMessage> StreamableHttpSession::take(std::string_view text, const McpRequest* request) {
  auto messages = read_rpc(text);
  if (!messages)
    throw_error(Error(ErrorKind::bad_reply, name_ + " sent what is no message: " + messages.error().message())
                    .provider_text(mcp_excerpt(text.substr(0, most_refusal))));
  std::optional<RpcMessage> answer;
  for (auto& message : *messages) {
    if (message.kind == RpcMessage::Kind::notification) {
      if (message.method == "notifications/tools/list_changed") news_->tools_changed = true;
    } else if (message.kind == RpcMessage::Kind::request) {
      errands_->run(tell(shared_from_this(), answer_mcp_request(message)));
    } else if (request != nullptr && !answer && message.id == RpcId(request->id)) {
      answer = std::move(message);
    } else {
      ++news_->stats.unasked_answers;
    }
  }
  return answer;
}

asio::awaitable<RpcMessage> StreamableHttpSession::read_json(HttpExchange& exchange,
                                                             const McpRequest& request) {
  const HttpResponseHead& head = exchange.head();
  if (head.status != 202 && !has_media_type(head.headers, "application/json"))
    throw_error(
        Error(ErrorKind::bad_reply, name_ + " answered '" + request.method +
                                        "' with a content type that is neither JSON nor an event stream")
            .status(head.status));
  auto reading = exchange.read_all(max_message_);
  const std::string body = co_await std::move(reading);
  std::optional<RpcMessage> answer;
  if (!trim(body).empty()) answer = take(body, &request);
  if (!answer)
    throw_error(Error(ErrorKind::bad_reply,
                      name_ + " answered the request for '" + request.method + "' without an answer to it")
                    .status(head.status));
  co_return std::move(*answer);
}

asio::awaitable<RpcMessage> StreamableHttpSession::read_events(HttpExchange exchange,
                                                               const McpRequest& request) {
  const auto stream = std::make_shared<EventStream>(std::move(exchange), max_message_);
  std::optional<RpcMessage> answer;
  while (!answer) {
    auto reading = stream->exchange.read_some();
    const auto bytes = co_await std::move(reading);
    if (bytes.empty())
      throw_error(ErrorKind::incomplete_reply,
                  name_ + " ended its stream before it had answered '" + request.method + "'");
    stream->parser.feed(bytes);
    StreamEvent event;
    while (stream->parser.next(event).value()) {
      // Others are a server's own; one without data only names a place to resume from.
      if (event.data.empty() || (!event.type.empty() && event.type != "message")) continue;
      auto found = take(event.data, answer ? nullptr : &request);
      if (found) answer = std::move(found);
    }
  }
  errands_->run(read_rest(shared_from_this(), stream));
  co_return std::move(*answer);
}

asio::awaitable<void> StreamableHttpSession::read_rest(std::shared_ptr<StreamableHttpSession> self,
                                                       std::shared_ptr<EventStream> stream) {
  const auto end = Clock::now() + time_to_end;
  while (true) {
    auto reading = with_deadline(stream->exchange.read_some(), end, "the stream goes on");
    const auto bytes = co_await std::move(reading);
    if (bytes.empty()) co_return;
    stream->parser.feed(bytes);
    StreamEvent event;
    while (stream->parser.next(event).value())
      if (!event.data.empty() && (event.type.empty() || event.type == "message"))
        static_cast<void>(self->take(event.data, nullptr));
  }
}

}  // namespace lllm
