// Fault 80 for whole calls: whatever a call waits for beside its exchanges, its deadline is met within ten
// milliseconds and its cancellation at once. Both are measured by the loop: in the time that its timers go
// by, and in turns. See net/punctual_test for what an exchange waits for.
#include <chrono>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "lllm/base/json.hpp"
#include "tests/invokers/world.hpp"
#include "tests/support/sleep.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto for_ever = std::chrono::hours(1);

enum class At {
  backoff,          // before the next attempt
  second_attempt,   // the deadline is not counted anew
  sinks_beginning,  // a handler that takes its time, in each of its functions
  sinks_words,
  sinks_end,
  rest_of_stream,
  rest_of_refusal,    // the body of an error
  pause_of_poll,      // a model that works on: before it is asked again
  poll,               // … and while it is asked
  sign_in,            // the token for the call
  sign_in_of_another  // … which another call has asked for
};

struct Ended {
  int completions = 0;
  std::exception_ptr failure;
};

/// A sink that hangs in one of its functions.
struct HangingSink final : BaseStreamHandler {
  At at = At::backoff;
  bool entered = false;
  asio::awaitable<void> hang_at(At here) {
    if (at != here && !(here == At::sinks_words && at == At::rest_of_stream)) return {};
    entered = true;
    if (at == At::rest_of_stream) return {};
    return sleep_for(for_ever);
  }
  asio::awaitable<void> on_start() override { return hang_at(At::sinks_beginning); }
  asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override {
    return hang_at(At::sinks_words);
  }
  asio::awaitable<void> on_finish(const InvokeResult&) override { return hang_at(At::sinks_end); }
};

/// A provider and a call that comes to wait for one thing that does not come.
struct Site {
  At at;
  int asked = 0;
  int attempts_over = 0;
  HangingSink sink;
  std::string model = World::model;
  CallOptions options;
  asio::cancellation_signal signal;
  Ended ended;
  Ended other;  // the call that asked for the token
  World world;

  explicit Site(At where)
      : at(where),
        world([this](const HttpServerRequest& request,
                     HttpResponder& responder) { return serve(this, request.method, &responder); },
              [this](InvokerOptions& o) { o.on_attempt([this](const Attempt&) { ++attempts_over; }); }) {
    sink.at = at;
    if (is_streamed()) options.stream_handler(&sink);
    if (at == At::pause_of_poll || at == At::poll) options.api_type(ApiType::response);
    if (signs_in()) use_google();
  }

  [[nodiscard]] bool signs_in() const { return at == At::sign_in || at == At::sign_in_of_another; }
  [[nodiscard]] bool is_streamed() const {
    return at == At::sinks_beginning || at == At::sinks_words || at == At::sinks_end ||
           at == At::rest_of_stream;
  }
  [[nodiscard]] bool reached() const {
    if (is_streamed()) return sink.entered;
    if (at == At::backoff) return attempts_over == 1;
    if (at == At::poll || at == At::second_attempt) return asked == 2;
    if (signs_in()) return asked == 1;
    return world.invoker->stats().exchanges == 1;
  }

  void start(Ended& into, CallOptions with, asio::cancellation_signal* cancel) {
    auto on_done = [&into](const std::exception_ptr& thrown, const InvokeResult&) {
      ++into.completions;
      into.failure = thrown;
    };
    auto call = world.invoker->call(question(), model, std::move(with));
    if (cancel == nullptr)
      asio::co_spawn(world.loop, std::move(call), std::move(on_done));
    else
      asio::co_spawn(world.loop, std::move(call),
                     asio::bind_cancellation_slot(cancel->slot(), std::move(on_done)));
  }

 private:
  void use_google() {
    const std::string user =
        to_json(json::object{{"type", "authorized_user"},
                             {"client_id", "id"},
                             {"client_secret", "secret"},
                             {"refresh_token", "refresh"},
                             {"token_uri", json::string(world.server->url() + "/token")}});
    HttpClientOptions http;
    http.proxies = ProxyRules();
    InvokerOptions google;
    google.http(http).base_url(world.server->url());
    google.environment(Environment(fixed_variables(
        {{"VERTEXAI_PROJECT", "p"}, {"VERTEXAI_LOCATION", "global"}, {"VERTEXAI_CREDENTIALS", user}})));
    world.invoker = std::make_unique<LiteLLMInvoker>(world.loop.get_executor(), std::move(google));
    model = "vertex_ai/gemini-2.5-flash";
  }

  static asio::awaitable<void> serve(Site* site, std::string method, HttpResponder* responder) {
    const At at = site->at;
    ++site->asked;
    if (site->signs_in() || (at == At::poll && method == "GET")) co_await sleep_for(for_ever);
    if (at == At::second_attempt && site->asked == 2) co_await sleep_for(for_ever);
    if (at == At::backoff || at == At::second_attempt) {
      if (at == At::second_attempt) co_await sleep_for(40ms);  // so much of the call's time is gone by then
      HttpHeaders headers = of_type("application/json");
      headers.add(at == At::backoff ? "retry-after" : "retry-after-ms", at == At::backoff ? "20" : "1");
      co_await responder->send(503, std::move(headers), "{}");
    } else if (at == At::pause_of_poll || at == At::poll) {
      co_await responder->send(200, of_type("application/json"),
                               R"({"id":"resp_1","status":"in_progress","output":[]})");
    } else {
      const bool refuses = at == At::rest_of_refusal;
      co_await responder->start(refuses ? 400 : 200, of_type(refuses ? "text/plain" : "text/event-stream"));
      const std::string words = refuses ? "no, beca" : chat_delta("one");
      co_await responder->write(words);
      if (!site->is_streamed() || at == At::rest_of_stream) co_await sleep_for(for_ever);
      co_await responder->write(chat_end);
    }
  }
};

/// False when the deadline came before the call had come to its wait: the machine is busy.
bool strike(At at, bool by_deadline, std::chrono::milliseconds limit) {
  Site site(at);
  asio::io_context& loop = site.world.loop;
  if (at == At::sign_in_of_another) site.start(site.other, CallOptions(), nullptr);
  auto due = Clock::now() + limit;
  CallOptions options = site.options;
  if (by_deadline) options.deadline_at(due);
  site.start(site.ended, options, &site.signal);
  const auto ended = [&site] { return site.ended.completions > 0; };
  const auto give_up = Clock::now() + 30s;
  while (!site.reached() && !ended() && Clock::now() < give_up) loop.run_one_for(1s);
  done_at_once(loop, ended);
  if (by_deadline && (!site.reached() || Clock::now() >= due)) return false;
  REQUIRE(site.reached());
  REQUIRE_FALSE(ended());

  if (by_deadline) {
    CHECK(done_by(loop, due, ended));
    CHECK(Clock::now() >= due);
  } else {
    site.signal.emit(asio::cancellation_type::terminal);
    CHECK(done_at_once(loop, ended));
  }
  CHECK(site.ended.completions == 1);
  if (!ended()) return true;
  const Error error = error_from(site.ended.failure);
  CHECK_MESSAGE(error.kind() == (by_deadline ? ErrorKind::deadline_exceeded : ErrorKind::cancelled),
                error.to_string());
  CHECK(error.model() == site.model);
  CHECK(error.provider() == (site.signs_in() ? "vertex_ai" : "openai"));
  CHECK(error.attempts() == (at == At::second_attempt ? 2 : 1));
  const std::string came = site.is_streamed() && at != At::sinks_beginning ? "one" : "";
  CHECK((error.partial() ? error.partial()->text() : "") == came);
  const auto stats = site.world.invoker->stats();
  CHECK(stats.waiting == 0);
  if (at != At::sign_in_of_another) CHECK(stats.open == stats.idle);
  CHECK(site.other.completions == 0);  // who asked for the token waits on
  site.world.invoker.reset();
  CHECK(done_at_once(loop, [&] { return at != At::sign_in_of_another || site.other.completions == 1; }));
  return true;
}

}  // namespace

TEST_SUITE("invokers/faults") {
  TEST_CASE(
      "fault 80: a call's deadline and cancellation are met at once in a backoff, a sink, a poll and a "
      "sign-in") {
    for (const At at : {At::backoff, At::second_attempt, At::sinks_beginning, At::sinks_words, At::sinks_end,
                        At::rest_of_stream, At::rest_of_refusal, At::pause_of_poll, At::poll, At::sign_in,
                        At::sign_in_of_another}) {
      CAPTURE(static_cast<int>(at));
      CHECK(strike(at, false, 0ms));
      if (at == At::backoff) continue;  // one that the deadline would cut short is not begun: fault 92
      auto limit = at == At::poll ? 400ms : 100ms;
      while (!strike(at, true, limit) && limit < 30s) limit *= 2;
      CHECK(limit < 30s);
    }
  }
}
