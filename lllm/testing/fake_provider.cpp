#include "lllm/testing/fake_provider.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <random>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/net/http_server.hpp"
#include "lllm/testing/fake_wire.hpp"

namespace lllm {
namespace {

constexpr std::size_t remembered_requests = 1000;

std::string key_in(const HttpHeaders& headers) {
  const std::string_view bearer = headers.get("authorization");
  if (bearer.starts_with("Bearer ")) return std::string(bearer.substr(7));
  for (const auto* name : {"x-api-key", "api-key", "x-goog-api-key"})
    if (const auto key = headers.find(name)) return std::string(*key);
  return {};
}

HttpHeaders answer_headers(const FakeRequest& request, const FakeReply& reply, std::string_view type) {
  HttpHeaders headers;
  headers.add("Content-Type", type);
  headers.add("x-request-id", "req_fake_" + std::to_string(request.number));
  for (const auto& [name, value] : reply.headers) headers.set(name, value);
  return headers;
}

}  // namespace

struct FakeProvider::Impl : std::enable_shared_from_this<FakeProvider::Impl> {
  explicit Impl(FakeOptions given) : options(std::move(given)) {}

  FakeOptions options;
  std::unique_ptr<HttpServer> server;
  std::deque<FakeReply> scripted;
  std::function<FakeReply(const FakeRequest&)> model;
  std::deque<FakeRequest> requests;
  // What the Responses API keeps, by the request's number.
  struct Kept {
    FakeRequest request;
    FakeReply reply;
    std::size_t unfinished = 0;  // so many answers still say so
    bool begun = false;
    std::string next_body();
  };
  std::map<std::uint64_t, Kept> kept;
  struct Counters {
    std::atomic<std::uint64_t> requests = 0, streams = 0, chunks = 0, refused = 0, in_flight = 0,
                               most_in_flight = 0;
  } counters;

  asio::awaitable<void> serve(const HttpServerRequest& http, HttpResponder& responder);
  asio::awaitable<void> answer(const FakeWire& wire, const FakeRequest& request, const FakeReply& reply,
                               HttpResponder& responder);
  asio::awaitable<void> stream(const FakeWire& wire, const FakeRequest& request, const FakeReply& reply,
                               HttpResponder& responder);
  asio::awaitable<void> answer_again(std::uint64_t asked, const HttpServerRequest& http,
                                     HttpResponder& responder);
  void keep(const FakeRequest& request, const FakeReply& reply);
  asio::awaitable<void> refuse(const FakeWire& wire, int status, std::string_view type,
                               std::string_view message, const FakeRequest& request, const FakeReply& reply,
                               HttpResponder& responder);
  FakeReply reply_to(const FakeRequest& request);
  FakeReply own_reply(const FakeRequest& request) const;
};

// Without a script it behaves like a model that likes tools: it calls the first one it is offered, and
// answers once a result is there.
FakeReply FakeProvider::Impl::own_reply(const FakeRequest& request) const {
  const bool may_call = text_at(request.body, "tool_choice") != "none";
  if (may_call && !request.tools.empty() && request.tool_results == 0) {
    const auto& [name, schema] = request.tools.front();
    const json::value arguments = sample_of(schema);
    return FakeReply::call(name, arguments.is_object() ? arguments.get_object() : json::object());
  }
  return FakeReply(filler_text(options.answer_words(), options.seed() + request.number));
}

FakeReply FakeProvider::Impl::reply_to(const FakeRequest& request) {
  if (!scripted.empty()) {
    FakeReply reply = std::move(scripted.front());
    scripted.pop_front();
    return reply;
  }
  return model ? model(request) : own_reply(request);
}

std::string FakeProvider::Impl::Kept::next_body() {
  if (unfinished == 0) return fake_openai_responses().whole(request, reply);
  --unfinished;
  return unfinished_fake_response(request, std::exchange(begun, true) ? "in_progress" : "queued");
}

void FakeProvider::Impl::keep(const FakeRequest& request, const FakeReply& reply) {
  const auto is = [&request](std::string_view member) { return as_boolean(find(request.body, member)); };
  if (!is("store").value_or(true)) return;
  Kept answer{request, reply, 0, false};
  if (!request.stream)
    answer.unfinished = reply.unfinished.value_or(is("background").value_or(false) ? 1 : 0);
  kept.insert_or_assign(request.number, std::move(answer));
  if (kept.size() > remembered_requests) kept.erase(kept.begin());
}

// GET /responses/ID.
asio::awaitable<void> FakeProvider::Impl::answer_again(std::uint64_t asked, const HttpServerRequest& http,
                                                       HttpResponder& responder) {
  FakeRequest request;
  request.number = asked;
  const FakeReply none;
  const FakeWire& wire = fake_openai_responses();
  const auto found = kept.find(asked);
  if (!options.require_key().empty() && key_in(http.headers) != options.require_key()) {
    co_await refuse(wire, 401, "authentication_error", "Incorrect API key provided.", request, none,
                    responder);
  } else if (found == kept.end()) {
    co_await refuse(wire, 404, "invalid_request_error", "No such response.", request, none, responder);
  } else {
    HttpHeaders headers = answer_headers(request, none, "application/json");
    std::string body = found->second.next_body();
    co_await responder.send(200, std::move(headers), std::move(body));
  }
}

asio::awaitable<void> FakeProvider::Impl::refuse(const FakeWire& wire, int status, std::string_view type,
                                                 std::string_view message, const FakeRequest& request,
                                                 const FakeReply& reply, HttpResponder& responder) {
  ++counters.refused;
  HttpHeaders headers = answer_headers(request, reply, "application/json");
  std::string body = wire.error_body(status, type, message);
  co_await responder.send(status, std::move(headers), std::move(body));
}

asio::awaitable<void> FakeProvider::Impl::serve(const HttpServerRequest& http, HttpResponder& responder) {
  const auto self = shared_from_this();
  const std::uint64_t number = ++counters.requests;
  FakeRequest unread;
  unread.number = number;
  const FakeReply none;

  if (const auto asked = number_of_fake_response(http.method, http.path())) {
    co_await answer_again(*asked, http, responder);
    co_return;
  }
  const FakeWire* wire = find_fake_wire(http.method, http.path());
  if (wire == nullptr) {
    co_await refuse(fake_openai_chat(), 404, "invalid_request_error",
                    "Unknown request URL: " + http.method + " " + std::string(http.path()), unread, none,
                    responder);
    co_return;
  }
  const auto body = parse_json(http.body);
  if (!body) {
    co_await refuse(*wire, 400, "invalid_request_error", "We could not parse the JSON body of your request.",
                    unread, none, responder);
    co_return;
  }
  auto read = wire->read(http.target, *body);
  if (!read) {
    co_await refuse(*wire, 400, "invalid_request_error", read.error().message(), unread, none, responder);
    co_return;
  }
  FakeRequest request = std::move(*read);
  request.number = number;
  request.api_key = key_in(http.headers);
  if (!options.require_key().empty() && request.api_key != options.require_key()) {
    co_await refuse(*wire, 401, "authentication_error", "Incorrect API key provided.", request, none,
                    responder);
    co_return;
  }
  const auto& known = options.models();
  if (!known.empty() && std::find(known.begin(), known.end(), request.model) == known.end()) {
    co_await refuse(*wire, 404, "model_not_found", "The model '" + request.model + "' does not exist.",
                    request, none, responder);
    co_return;
  }
  if (requests.size() == remembered_requests) requests.pop_front();
  requests.push_back(request);
  const FakeReply reply = reply_to(request);

  const std::uint64_t now = ++counters.in_flight;
  if (now > counters.most_in_flight) counters.most_in_flight = now;
  std::exception_ptr failure;
  try {
    co_await answer(*wire, request, reply, responder);
  } catch (...) {
    failure = std::current_exception();
  }
  --counters.in_flight;
  if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> FakeProvider::Impl::answer(const FakeWire& wire, const FakeRequest& request,
                                                 const FakeReply& reply, HttpResponder& responder) {
  if (reply.status != 200) {
    co_await refuse(wire, reply.status, reply.error_type, reply.error_message, request, reply, responder);
    co_return;
  }
  if (&wire == &fake_openai_responses()) keep(request, reply);
  if (request.stream) {
    ++counters.streams;
    co_await stream(wire, request, reply, responder);
    co_return;
  }
  const auto wait = reply.time_to_first_token.value_or(options.time_to_first_token());
  if (wait.count() > 0) {
    asio::steady_timer timer(co_await asio::this_coro::executor, wait);
    co_await timer.async_wait(asio::use_awaitable);
  }
  if (reply.fault == FakeFault::reset) co_return responder.abort();
  if (reply.fault == FakeFault::close) co_return responder.close();
  HttpHeaders headers = answer_headers(request, reply, "application/json");
  const auto stored = kept.find(request.number);
  std::string body = stored == kept.end() ? wire.whole(request, reply) : stored->second.next_body();
  co_await responder.send(200, std::move(headers), std::move(body));
}

asio::awaitable<void> FakeProvider::Impl::stream(const FakeWire& wire, const FakeRequest& request,
                                                 const FakeReply& reply, HttpResponder& responder) {
  using Clock = std::chrono::steady_clock;
  const auto writer = wire.stream(request, reply);
  const std::vector<FakeStep> steps = steps_of(reply);
  const double rate = reply.tokens_per_second.value_or(options.tokens_per_second());
  const auto first = reply.time_to_first_token.value_or(options.time_to_first_token());
  std::minstd_rand random(static_cast<std::uint_fast32_t>(options.seed() * 7919 + request.number));
  const auto varied = [&](std::chrono::nanoseconds pause) {
    const double share = std::uniform_real_distribution<double>(-options.jitter(), options.jitter())(random);
    return std::chrono::duration_cast<Clock::duration>(pause * (1 + share));
  };

  HttpHeaders headers = answer_headers(request, reply, wire.stream_content_type());
  headers.set("Cache-Control", "no-cache");
  asio::steady_timer timer(co_await asio::this_coro::executor);
  // Each pause is counted from the due time of the last chunk, so that a busy server does not drift.
  auto due = Clock::now();
  if (first.count() > 0) {
    due += varied(first);
    timer.expires_at(due);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_await responder.start(200, std::move(headers));
  std::string bytes;
  writer->begin(bytes);

  std::size_t sent = 0;
  for (const FakeStep& step : steps) {
    if (reply.fault != FakeFault::none && sent == reply.fault_after) break;
    if (rate > 0 && sent > 0) {
      due += varied(std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / rate)));
      timer.expires_at(due);
      co_await timer.async_wait(asio::use_awaitable);
    }
    writer->step(bytes, step);
    ++sent;
    ++counters.chunks;
    // Unpaced chunks travel together, as a fast provider's do.
    if (rate > 0 || bytes.size() > 8192) {
      co_await responder.write(bytes);
      bytes.clear();
    }
  }
  if (reply.fault == FakeFault::none) {
    writer->end(bytes);
    co_await responder.write(bytes);
    co_await responder.finish();
    co_return;
  }
  if (reply.fault == FakeFault::bad_json) bytes += "data: {\"choices\":[{\"delta\":\n\n";
  if (reply.fault == FakeFault::error_event)
    writer->error(bytes, "server_error", "The fake model failed on demand.");
  if (!bytes.empty()) co_await responder.write(bytes);
  if (reply.fault == FakeFault::stall) {
    timer.expires_at(asio::steady_timer::time_point::max());
    co_await timer.async_wait(asio::use_awaitable);
  }
  if (reply.fault == FakeFault::reset) co_return responder.abort();
  if (reply.fault == FakeFault::close) co_return responder.close();
  co_await responder.finish();
}

FakeProvider::FakeProvider(asio::any_io_executor executor, FakeOptions options)
    : impl_(std::make_shared<Impl>(std::move(options))) {
  HttpServerOptions http;
  http.host = impl_->options.host();
  http.port = impl_->options.port();
  http.tls = impl_->options.tls();
  // The server is owned by Impl: a weak pointer keeps a handler from holding both for ever.
  impl_->server = std::make_unique<HttpServer>(
      std::move(executor),
      [weak = std::weak_ptr<Impl>(impl_)](const HttpServerRequest& request, HttpResponder& responder) {
        return weak.lock()->serve(request, responder);
      },
      std::move(http));
}

FakeProvider::~FakeProvider() {
  stop();
}

std::uint16_t FakeProvider::port() const {
  return impl_->server->port();
}
std::string FakeProvider::origin() const {
  return impl_->server->url();
}
std::string FakeProvider::base_url() const {
  return origin() + "/v1";
}
const std::string& FakeProvider::ca_pem() const {
  return impl_->server->ca_pem();
}
void FakeProvider::script(FakeReply reply) {
  impl_->scripted.push_back(std::move(reply));
}
void FakeProvider::respond_with(std::function<FakeReply(const FakeRequest&)> model) {
  impl_->model = std::move(model);
}
const std::deque<FakeRequest>& FakeProvider::requests() const {
  return impl_->requests;
}

FakeStats FakeProvider::stats() const {
  const auto& c = impl_->counters;
  FakeStats stats;
  stats.requests = c.requests;
  stats.streams = c.streams;
  stats.chunks = c.chunks;
  stats.connections = impl_->server->connections();
  stats.refused = c.refused;
  stats.in_flight = c.in_flight;
  stats.most_in_flight = c.most_in_flight;
  return stats;
}

void FakeProvider::stop() {
  impl_->server->stop();
}

}  // namespace lllm
