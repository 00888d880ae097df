// Faults 30 to 33, 40, 46, 79, 92: what a provider can do to a call, seen from the invoker.
#include <chrono>

#include <doctest/doctest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "tests/invokers/world.hpp"
#include "tests/support/sleep.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

HttpHandler sends(int status, std::string type, std::string body, HttpHeaders more = {}) {
  return [status, type = std::move(type), body = std::move(body), more = std::move(more)](
             const HttpServerRequest&, HttpResponder& responder) {
    HttpHeaders headers = of_type(type);
    for (const auto& [name, value] : more) headers.add(name, value);
    return responder.send(status, std::move(headers), body);
  };
}

asio::awaitable<void> beats(HttpResponder& responder, std::string heartbeat) {
  co_await responder.start(200, of_type("text/event-stream"));
  const std::string first = chat_delta("one");
  co_await responder.write(first);
  for (;;) {
    co_await sleep_for(5ms);
    co_await responder.write(heartbeat);
  }
}

}  // namespace

TEST_SUITE("invokers/faults") {
  TEST_CASE("fault 30: an empty 200 says so, streamed or not") {
    World empty(sends(200, "application/json", ""));
    const Error error = empty.failure();
    CHECK(error.kind() == ErrorKind::bad_reply);
    CHECK(error.message().find("empty body") != std::string::npos);
    CHECK(error.status() == 200);
    CHECK(error.attempts() == 1);
    Collector sink;
    CHECK(empty.failure(CallOptions().stream_handler(&sink)).kind() == ErrorKind::bad_reply);

    World silent(sends(200, "text/event-stream", ""), [](InvokerOptions& o) { o.max_retries(0); });
    CHECK(silent.failure(CallOptions().stream_handler(&sink)).kind() == ErrorKind::incomplete_reply);
    CHECK(sink.text.empty());
  }

  TEST_CASE("faults 31 to 33: a redirect is an error; nobody else is asked, and the key goes nowhere") {
    World elsewhere(sends(200, "application/json", chat_whole));
    for (const int status : {301, 302, 307, 308}) {
      CAPTURE(status);
      World world(
          sends(status, "text/plain", "", {{"Location", elsewhere.server->url() + "/v1/chat/completions"}}));
      const Error error = world.failure();
      CHECK(error.status() == status);
      CHECK(error.attempts() == 1);
    }
    CHECK(elsewhere.server->requests() == 0);
  }

  TEST_CASE("fault 40: HTML with status 200 is the wrong content type") {
    for (const auto& page :
         {std::string("<!doctype html><h1>Sign in</h1>"), "<html>" + std::string(50'000, 'x')}) {
      World world(sends(200, "text/html; charset=utf-8", page));
      Collector sink;
      for (const bool streamed : {false, true}) {
        CallOptions options;
        if (streamed) options.stream_handler(&sink);
        const Error error = world.failure(options);
        CHECK(error.kind() == ErrorKind::bad_reply);
        CHECK(error.message().find("text/html") != std::string::npos);
        CHECK(error.provider_text().size() < 8'000);
        CHECK(error.attempts() == 1);
      }
      CHECK(sink.text.empty());
    }
  }

  TEST_CASE("fault 46: heartbeats alone keep no call alive: a timeout, with what had come") {
    for (const std::string& heartbeat :
         std::vector<std::string>{": keep-alive\n\n", "event: ping\ndata: {\"type\":\"ping\"}\n\n"}) {
      CAPTURE(heartbeat);
      HttpTimeouts timeouts;
      timeouts.progress = 60ms;
      timeouts.idle = 10s;
      World world([&heartbeat](const HttpServerRequest&,
                               HttpResponder& responder) { return beats(responder, heartbeat); },
                  [&](InvokerOptions& o) { o.timeouts(timeouts); });
      Collector sink;
      const Error error = world.failure(CallOptions().stream_handler(&sink).deadline(20s));
      CHECK(error.kind() == ErrorKind::progress_timeout);
      REQUIRE(error.partial());
      CHECK(error.partial()->text() == "one");
      CHECK(sink.text == "one");
      CHECK(error.attempts() == 1);
      CHECK(world.invoker->stats().open == 0);
    }
  }

  TEST_CASE("fault 79: in an outage a call costs at most 1.1 requests in steady state") {
    World world(sends(503, "application/json", R"({"error":{"message":"down"}})", {{"retry-after-ms", "1"}}));
    constexpr int calls = 300;
    for (int i = 0; i < calls; ++i) CHECK(world.failure().kind() == ErrorKind::overloaded);
    // The reserve of ten, one per ten calls, and what two a minute add while this runs.
    CHECK(world.server->requests() >= calls);
    CHECK(world.server->requests() <= calls + calls / 10 + 10 + 4);
  }

  TEST_CASE("fault 92: a wait that the deadline would cut short is not begun, and a wait is ended at once") {
    // The provider asks for 50 s. Who waited for them, or for the deadline, would be far out of run_on's
    // time.
    World world(sends(503, "application/json", R"({"error":{"message":"down"}})", {{"retry-after", "50"}}));
    const Error late = world.failure(CallOptions().deadline(45s));
    CHECK(late.kind() == ErrorKind::overloaded);
    CHECK(late.retry_after() == 50s);
    CHECK(late.attempts() == 1);

    // Cancelled in the wait: over in the turns that follow, without waiting for anything.
    asio::cancellation_signal signal;
    std::exception_ptr failure;
    asio::co_spawn(
        world.loop, world.invoker->call(question(), World::model, CallOptions().deadline(600s)),
        asio::bind_cancellation_slot(
            signal.slot(), [&](const std::exception_ptr& thrown, const InvokeResult&) { failure = thrown; }));
    const auto exchanges = world.invoker->stats().exchanges;
    world.loop.restart();
    while (world.invoker->stats().exchanges == exchanges) world.loop.run_one();
    while (world.invoker->stats().idle == 0) world.loop.run_one();  // the answer has been read
    CHECK_FALSE(done_at_once(world.loop, [&] { return failure != nullptr; }));
    signal.emit(asio::cancellation_type::terminal);
    REQUIRE(done_at_once(world.loop, [&] { return failure != nullptr; }));
    const Error cancelled = error_from(failure);
    CHECK(cancelled.kind() == ErrorKind::cancelled);
    CHECK(cancelled.attempts() == 1);
    CHECK(world.server->requests() == 2);
  }

  TEST_CASE("a sink that hangs is ended by the deadline, which tells what had come") {
    struct Hanging final : BaseStreamHandler {
      asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override {
        return sleep_for(std::chrono::hours(1));
      }
    };
    World world(sends(200, "text/event-stream", chat_delta("one") + chat_end));
    Hanging sink;
    const Error error = world.failure(CallOptions().stream_handler(&sink).deadline(50ms));
    CHECK(error.kind() == ErrorKind::deadline_exceeded);
    REQUIRE(error.partial());
    CHECK(error.partial()->text() == "one");
    CHECK(error.provider() == "openai");
    CHECK(world.invoker->stats().open == 0);
  }

  TEST_CASE("a sink that hangs when all has been delivered is ended by the deadline, too") {
    struct Idle : BaseStreamHandler {
      asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override { return {}; }
    };
    struct Hanging final : Idle {
      asio::awaitable<void> on_finish(const InvokeResult&) override {
        return sleep_for(std::chrono::hours(1));
      }
    };
    World world(sends(200, "text/event-stream", chat_delta("one") + chat_end, {{"x-request-id", "req_1"}}));
    Hanging sink;
    const Error error = world.failure(CallOptions().stream_handler(&sink).deadline(50ms));
    CHECK(error.kind() == ErrorKind::deadline_exceeded);
    REQUIRE(error.partial());
    CHECK(error.partial()->text() == "one");
    CHECK(error.provider() == "openai");
    CHECK(error.model() == World::model);
    CHECK(error.request_id() == "req_1");
    CHECK(error.attempts() == 1);
    struct Throwing final : Idle {
      asio::awaitable<void> on_finish(const InvokeResult&) override {
        co_await sleep_for(1ms);
        throw std::runtime_error("the disk is full");
      }
    };
    Throwing throwing;
    CHECK_THROWS_WITH(world.call(CallOptions().stream_handler(&throwing)), "the disk is full");
  }

  TEST_CASE("fault 79: the outage of one origin takes nothing from the retries of another") {
    World world(sends(503, "application/json", R"({"error":{"message":"down"}})", {{"retry-after-ms", "1"}}));
    int asked = 0;
    HttpServer other(world.loop.get_executor(), [&asked](const HttpServerRequest&, HttpResponder& responder) {
      HttpHeaders headers = of_type("application/json");
      headers.add("retry-after-ms", "1");
      return ++asked % 2 == 1 ? responder.send(503, std::move(headers), "{}")
                              : responder.send(200, std::move(headers), chat_whole);
    });
    LiteLLMInvoker invoker(world.loop.get_executor(),
                           towards(world.server->url() + "/v1").base_url("groq", other.url() + "/v1"));
    bool used_up = false;
    for (int i = 0; i < 60 && !used_up; ++i)
      used_up = error_on(world.loop, invoker.call(question(), World::model)).attempts() == 1;
    CHECK(used_up);
    const InvokeResult result = run_on(world.loop, invoker.call(question(), "groq/llama-3.1-8b-instant"));
    CHECK(result.message.text() == "one two");
    CHECK(result.attempts.size() == 2);
  }

  TEST_CASE("a model that works on and on is asked until the deadline, and no longer") {
    World world(sends(200, "application/json", R"({"id":"resp_1","status":"in_progress","output":[]})"));
    const Error error = world.failure(CallOptions().api_type(ApiType::response).deadline(400ms));
    CHECK(error.kind() == ErrorKind::deadline_exceeded);
  }
}
