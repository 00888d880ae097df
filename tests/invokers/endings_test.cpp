// Calls that end otherwise than with a whole answer: as typed errors, after retries, in time, cancelled.
#include <vector>

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "tests/invokers/fake_world.hpp"

using namespace lllm;
using namespace lllm::test;

TEST_SUITE("invokers/litellm_invoker") {
  TEST_CASE("errors are typed and say provider, model, status, attempts; the key is nowhere in them") {
    FakeWorld f;
    f.provider.script(
        FakeReply::error(401, "authentication_error", "Incorrect API key provided: " + canary + "."));
    const Error wrong_key = f.failure();
    CHECK(wrong_key.kind() == ErrorKind::authentication);
    CHECK(wrong_key.status() == 401);
    CHECK(wrong_key.provider() == "openai");
    CHECK(wrong_key.model() == "openai/gpt-4o-mini");
    CHECK(wrong_key.attempts() == 1);
    CHECK(wrong_key.request_id() == "req_fake_1");
    CHECK(wrong_key.to_string().find("canary") == std::string::npos);

    f.provider.script(FakeReply::error(404, "invalid_request_error", "no such model"));
    CHECK(f.failure().kind() == ErrorKind::not_found);
    f.provider.script(FakeReply::error(400, "invalid_request_error", "bad"));
    CHECK(f.failure().kind() == ErrorKind::invalid_request);
  }

  TEST_CASE("an unknown provider is an error that lists the known ones") {
    asio::io_context loop(1);
    LiteLLMInvoker invoker(loop.get_executor(),
                           InvokerOptions().environment(Environment(fixed_variables({}))));
    const Error error = error_on(loop, invoker.call(question(), "opnai/gpt-4o"));
    CHECK(error.kind() == ErrorKind::unknown_provider);
    CHECK(error.message().find("openai") != std::string::npos);
  }

  TEST_CASE("a missing key is an error that names the variable") {
    asio::io_context loop(1);
    LiteLLMInvoker invoker(loop.get_executor(),
                           InvokerOptions().environment(Environment(fixed_variables({}))));
    const Error error = error_on(loop, invoker.call(question(), "openai/gpt-4o-mini"));
    CHECK(error.kind() == ErrorKind::configuration);
    CHECK(error.message().find("OPENAI_API_KEY") != std::string::npos);
  }

  TEST_CASE("a rate limit is retried after the time the provider names, and both attempts are recorded") {
    FakeWorld f;
    FakeReply busy = FakeReply::error(429, "rate_limit_error", "slow down");
    busy.headers = {{"retry-after-ms", "5"}};
    f.provider.script(busy);
    const InvokeResult result = f.call();
    REQUIRE(result.attempts.size() == 2);
    CHECK(result.attempts[0].status == 429);
    CHECK(result.attempts[0].error->kind() == ErrorKind::rate_limited);
    CHECK(result.attempts[0].wait >= std::chrono::milliseconds(5));
    CHECK(result.attempts[0].reason == "the server named the delay");
    CHECK(result.attempts[1].status == 200);
  }

  TEST_CASE("a hook sees every attempt, with its error, the wait that follows and the reason") {
    std::vector<Attempt> seen;
    asio::io_context loop(1);
    FakeProvider provider(loop.get_executor());
    LiteLLMInvoker invoker(loop.get_executor(),
                           towards(provider.base_url()).on_attempt([&seen](const Attempt& attempt) {
                             seen.push_back(attempt);
                           }));
    FakeReply busy = FakeReply::error(503, "server_error", "busy");
    busy.headers = {{"retry-after-ms", "1"}};
    for (int i = 0; i < 3; ++i) provider.script(busy);
    const Error error = error_on(loop, invoker.call(question(), "openai/gpt-4o-mini"));
    CHECK(error.attempts() == 3);
    REQUIRE(seen.size() == 3);
    for (const Attempt& attempt : seen) {
      CHECK(attempt.status == 503);
      REQUIRE(attempt.error);
      CHECK(attempt.error->kind() == ErrorKind::overloaded);
      CHECK_FALSE(attempt.reason.empty());
      CHECK((attempt.wait.count() > 0) == (attempt.number < 3));
    }
  }

  TEST_CASE("fault 53: a stream that breaks after its first delta is not retried and carries what came") {
    FakeWorld f;
    for (const FakeFault fault :
         {FakeFault::reset, FakeFault::close, FakeFault::bad_json, FakeFault::error_event}) {
      CAPTURE(static_cast<int>(fault));
      FakeReply reply("one two three four five");
      reply.fault = fault;
      reply.fault_after = 3;
      reply.tokens_per_second = 1000;
      f.provider.script(reply);
      Recorder recorder;
      const auto before = f.provider.stats().requests;
      const Error error = f.failure(CallOptions().stream_handler(&recorder));
      CHECK(recorder.text == "one two three");
      REQUIRE(error.partial());
      CHECK(error.partial()->text() == "one two three");
      CHECK(f.provider.stats().requests == before + 1);
      CHECK(error.attempts() == 1);
      CHECK(recorder.finishes == 0);
    }
  }

  TEST_CASE("fault 56: a stall in mid-stream is an idle timeout") {
    asio::io_context loop(1);
    FakeProvider provider(loop.get_executor());
    HttpTimeouts timeouts;
    timeouts.idle = std::chrono::milliseconds(30);
    LiteLLMInvoker invoker(loop.get_executor(), towards(provider.base_url()).timeouts(timeouts));
    FakeReply reply("one two three");
    reply.fault = FakeFault::stall;
    reply.fault_after = 2;
    provider.script(reply);
    Recorder recorder;
    CallOptions options;
    options.stream_handler(&recorder);
    const Error error = error_on(loop, invoker.call(question(), "openai/gpt-4o-mini", options));
    CHECK(error.kind() == ErrorKind::idle_timeout);
    CHECK(recorder.text == "one two");
  }

  TEST_CASE("fault 85: what a sink throws reaches the caller, and the connection is not used again") {
    struct Throwing final : BaseStreamHandler {
      asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override {
        throw std::runtime_error("the disk is full");
      }
    };
    FakeWorld f;
    Throwing sink;
    FakeReply long_reply(filler_text(200, 1));
    long_reply.tokens_per_second = 2000;  // still under way when the sink throws
    f.provider.script(long_reply);
    CHECK_THROWS_WITH(f.call(CallOptions().stream_handler(&sink)), "the disk is full");
    f.call();
    CHECK(f.invoker.stats().connects == 2);
  }

  TEST_CASE("a deadline ends the call in time, whatever it waits for") {
    FakeWorld f;
    FakeReply slow("late");
    slow.time_to_first_token = std::chrono::seconds(60);
    f.provider.script(slow);
    const auto start = std::chrono::steady_clock::now();
    const Error error = f.failure(CallOptions().deadline(std::chrono::milliseconds(40)));
    CHECK(error.kind() == ErrorKind::deadline_exceeded);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  }

  TEST_CASE("an enormous deadline is none") {
    FakeWorld f;
    FakeReply busy = FakeReply::error(503, "server_error", "busy");
    busy.headers = {{"retry-after-ms", "1"}};
    f.provider.script(busy);
    const auto result = f.call(CallOptions().deadline(std::chrono::milliseconds::max()));
    CHECK(result.attempts.size() == 2);
  }

  TEST_CASE("a call that is cancelled through its slot ends as cancelled and frees its connection") {
    FakeWorld f;
    FakeReply slow("late");
    slow.time_to_first_token = std::chrono::seconds(60);
    f.provider.script(slow);
    asio::cancellation_signal signal;
    std::exception_ptr failure;
    asio::co_spawn(
        f.loop, f.invoker.call(question(), "openai/gpt-4o-mini"),
        asio::bind_cancellation_slot(
            signal.slot(), [&](const std::exception_ptr& thrown, const InvokeResult&) { failure = thrown; }));
    while (f.provider.stats().in_flight == 0) f.loop.run_one();
    signal.emit(asio::cancellation_type::terminal);
    while (!failure) f.loop.run_one();
    CHECK(error_from(failure).kind() == ErrorKind::cancelled);
    CHECK(f.invoker.stats().open == 0);
  }

  TEST_CASE("fault 82: an invoker destroyed with calls in flight completes them all") {
    asio::io_context loop(1);
    FakeProvider provider(loop.get_executor(), FakeOptions().time_to_first_token(std::chrono::seconds(60)));
    auto invoker = std::make_unique<LiteLLMInvoker>(loop.get_executor(), towards(provider.base_url()));
    int ended = 0;
    for (int i = 0; i < 10; ++i)
      asio::co_spawn(loop, invoker->call(question(), "openai/gpt-4o-mini"),
                     [&](const std::exception_ptr& thrown, const InvokeResult&) {
                       CHECK(error_from(thrown).kind() == ErrorKind::cancelled);
                       ++ended;
                     });
    while (provider.stats().in_flight < 10) loop.run_one();
    invoker.reset();
    while (ended < 10) loop.run_one();
    CHECK(ended == 10);
  }

  TEST_CASE("fault 4: a dead port is retried, then told in one sentence") {
    asio::io_context loop(1);
    std::uint16_t port = 0;
    {
      FakeProvider gone(loop.get_executor());
      port = gone.port();
    }
    InvokerOptions options;
    options.base_url("http://127.0.0.1:" + std::to_string(port) + "/v1").api_key(Secret("k")).max_retries(1);
    LiteLLMInvoker invoker(loop.get_executor(), options);
    const Error error = error_on(loop, invoker.call(question(), "gpt-4o-mini"));
    CHECK(error.kind() == ErrorKind::connect_failed);
    CHECK(error.attempts() == 2);
    CHECK(error.message().find(std::to_string(port)) != std::string::npos);
  }
}
