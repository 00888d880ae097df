#include "lllm/invokers/litellm_invoker.hpp"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/async/gather.hpp"
#include "lllm/invokers/handlers.hpp"
#include "lllm/testing/fake_provider.hpp"
#include "tests/support/loop.hpp"

using namespace lllm;
using test::run_on;

namespace {

InvokerOptions towards(const FakeProvider& provider) {
  InvokerOptions options;
  options.environment(Environment(fixed_variables({})));
  options.base_url(provider.base_url()).api_key(Secret("sk-canary-1234"));
  return options;
}

Dialog question(std::string text = "Hello there") {
  Dialog dialog;
  dialog.put_text("Be kind.", Role::system).put_text(std::move(text));
  return dialog;
}

struct Recorder final : BaseStreamHandler {
  std::string text, reasoning, arguments;
  int chunks = 0, starts = 0, finishes = 0;
  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk&) override {
    text += content;
    ++chunks;
    return {};
  }
  asio::awaitable<void> handle_reasoning(std::string_view content, const StreamChunk&) override {
    reasoning += content;
    return {};
  }
  asio::awaitable<void> handle_tool_call(const StreamChunk& chunk) override {
    arguments += chunk.content;
    return {};
  }
  asio::awaitable<void> on_start() override {
    ++starts;
    return {};
  }
  asio::awaitable<void> on_finish(const InvokeResult&) override {
    ++finishes;
    return {};
  }
};

struct Fixture {
  asio::io_context loop{1};
  FakeProvider provider{loop.get_executor()};
  LiteLLMInvoker invoker{loop.get_executor(), towards(provider)};

  InvokeResult call(CallOptions options = {}, const std::string& model = "openai/gpt-4o-mini") {
    return run_on(loop, invoker.call(question(), model, std::move(options)));
  }
  Error failure(CallOptions options = {}, const std::string& model = "openai/gpt-4o-mini") {
    return test::error_on(loop, invoker.call(question(), model, std::move(options)));
  }
};

}  // namespace

TEST_SUITE("invokers/litellm_invoker") {
  TEST_CASE("a call brings back text, usage, cost, timings and the provider's request id") {
    Fixture f;
    f.provider.script(FakeReply("Hi."));
    const InvokeResult result = f.call(CallOptions().model_arg("temperature", 0.2).metadata({{"trace", 7}}));
    CHECK(result.message.text() == "Hi.");
    CHECK(result.message.role == Role::assistant);
    CHECK(result.message.name == "assistant");
    CHECK(result.message.finish_reason == "stop");
    CHECK(result.message.provider == "openai");
    CHECK(result.message.metadata.at("trace") == 7);
    CHECK(result.usage().prompt_tokens == 2);
    CHECK(result.usage().completion_tokens == 1);
    REQUIRE(result.cost().has_value());
    CHECK(result.cost()->picodollars() > 0);
    CHECK(result.attempts.size() == 1);
    CHECK(result.attempts[0].status == 200);
    CHECK(result.request_id == "req_fake_1");
    CHECK(result.timings.first_byte <= result.timings.last_token);
    CHECK(result.model_args.at("temperature") == 0.2);
    CHECK(*find_at(result.raw_response(), "/choices/0/message/content") == "Hi.");
    const FakeRequest& seen = f.provider.requests().back();
    CHECK(seen.api_key == "sk-canary-1234");
    CHECK(*find_at(seen.body, "/temperature") == 0.2);
    CHECK(*find_at(seen.body, "/messages/0/role") == "system");
  }

  TEST_CASE("the streamed and the unstreamed result are equal") {
    Fixture f;
    FakeReply reply("The answer has five words.");
    reply.reasoning = "Let me think about it.";
    reply.tool_calls.emplace_back("call_a", "search", R"({"query":"Grüße \"x\""})");
    reply.tool_calls.emplace_back("call_b", "search", R"({"query":"y"})");
    f.provider.script(reply);
    f.provider.script(reply);
    const InvokeResult whole = f.call();
    Recorder recorder;
    const InvokeResult streamed = f.call(CallOptions().stream_handler(&recorder));
    CHECK(to_json_value(streamed.message) == to_json_value(whole.message));
    CHECK(recorder.text == reply.text);
    CHECK(recorder.reasoning == reply.reasoning);
    CHECK(recorder.arguments == reply.tool_calls[0].arguments + reply.tool_calls[1].arguments);
    CHECK(recorder.chunks == 5);
    CHECK(recorder.starts == 1);
    CHECK(recorder.finishes == 1);
    CHECK(streamed.timings.first_token.has_value());
    CHECK(as_text(find_at(streamed.raw_response(), "/choices/0/message/content")) == reply.text);
  }

  TEST_CASE("a connection is kept for the next call") {
    Fixture f;
    for (int i = 0; i < 5; ++i) f.call();
    CHECK(f.invoker.stats().connects == 1);
  }

  TEST_CASE("a thousand calls at once on one thread all get their own answer") {
    Fixture f;
    f.provider.respond_with(
        [](const FakeRequest& request) { return FakeReply("re: " + request.last_user_text); });
    std::vector<asio::awaitable<InvokeResult>> calls;
    for (int i = 0; i < 1000; ++i)
      calls.push_back(f.invoker.call(question("number " + std::to_string(i)), "openai/gpt-4o-mini"));
    const auto results = run_on(f.loop, gather(std::move(calls), 1000));
    for (std::size_t i = 0; i < results.size(); ++i)
      CHECK(results[i].message.text() == "re: number " + std::to_string(i));
  }

  TEST_CASE("a structured answer is parsed into the described struct") {
    struct Local {};
    Fixture f;
    f.provider.script(FakeReply(R"({"city":"Paris","people":2})"));
    CallOptions options;
    options.format(Schema(parse_json(R"({"type":"object","properties":{"city":{"type":"string"},
      "people":{"type":"integer"}},"required":["city","people"],"additionalProperties":false})")
                              .value()
                              .get_object()));
    const InvokeResult result = f.call(options);
    CHECK(*find_at(result.message.parsed, "/city") == "Paris");
    CHECK(text_at(*find_at(f.provider.requests().back().body, "/response_format"), "type") == "json_schema");

    f.provider.script(FakeReply(R"({"city":"Paris"})"));
    const InvokeResult wrong = f.call(options);
    REQUIRE(wrong.execution_errors.size() == 1);
    CHECK(wrong.execution_errors[0].kind() == ErrorKind::parse_failed);
  }

  TEST_CASE("errors are typed and say provider, model, status, attempts; the key is nowhere in them") {
    Fixture f;
    f.provider.script(
        FakeReply::error(401, "authentication_error", "Incorrect API key provided: sk-canary-1234."));
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
    const Error error = test::error_on(loop, invoker.call(question(), "opnai/gpt-4o"));
    CHECK(error.kind() == ErrorKind::unknown_provider);
    CHECK(error.message().find("openai") != std::string::npos);
  }

  TEST_CASE("a missing key is an error that names the variable") {
    asio::io_context loop(1);
    LiteLLMInvoker invoker(loop.get_executor(),
                           InvokerOptions().environment(Environment(fixed_variables({}))));
    const Error error = test::error_on(loop, invoker.call(question(), "openai/gpt-4o-mini"));
    CHECK(error.kind() == ErrorKind::configuration);
    CHECK(error.message().find("OPENAI_API_KEY") != std::string::npos);
  }

  TEST_CASE("a rate limit is retried after the time the provider names, and both attempts are recorded") {
    Fixture f;
    FakeReply busy = FakeReply::error(429, "rate_limit_error", "slow down");
    busy.headers = {{"retry-after-ms", "5"}};
    f.provider.script(busy);
    const InvokeResult result = f.call();
    REQUIRE(result.attempts.size() == 2);
    CHECK(result.attempts[0].status == 429);
    CHECK(result.attempts[0].error->kind() == ErrorKind::rate_limited);
    CHECK(result.attempts[0].wait >= std::chrono::milliseconds(5));
    CHECK(result.attempts[1].status == 200);
  }

  TEST_CASE("fault 53: a stream that breaks after its first delta is not retried and carries what came") {
    Fixture f;
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
    LiteLLMInvoker invoker(loop.get_executor(), towards(provider).timeouts(timeouts));
    FakeReply reply("one two three");
    reply.fault = FakeFault::stall;
    reply.fault_after = 2;
    provider.script(reply);
    Recorder recorder;
    CallOptions options;
    options.stream_handler(&recorder);
    const Error error = test::error_on(loop, invoker.call(question(), "openai/gpt-4o-mini", options));
    CHECK(error.kind() == ErrorKind::idle_timeout);
    CHECK(recorder.text == "one two");
  }

  TEST_CASE("fault 85: what a sink throws reaches the caller, and the connection is not used again") {
    struct Throwing final : BaseStreamHandler {
      asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override {
        throw std::runtime_error("the disk is full");
      }
    };
    Fixture f;
    Throwing sink;
    FakeReply long_reply(filler_text(200, 1));
    long_reply.tokens_per_second = 2000;  // still under way when the sink throws
    f.provider.script(long_reply);
    CHECK_THROWS_WITH(f.call(CallOptions().stream_handler(&sink)), "the disk is full");
    f.call();
    CHECK(f.invoker.stats().connects == 2);
  }

  TEST_CASE("fault 86: a sink may make a call of its own") {
    struct Nested final : BaseStreamHandler {
      explicit Nested(LiteLLMInvoker& with) : invoker(with) {}
      LiteLLMInvoker& invoker;
      std::string inner;
      asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override {
        if (!inner.empty()) co_return;
        const InvokeResult result = co_await invoker.call(question(), "openai/gpt-4o-mini");
        inner = result.message.text();
      }
    };
    Fixture f;
    f.provider.script(FakeReply("outer words"));
    f.provider.script(FakeReply("inner"));
    Nested sink(f.invoker);
    CHECK(f.call(CallOptions().stream_handler(&sink)).message.text() == "outer words");
    CHECK(sink.inner == "inner");
  }

  TEST_CASE("a deadline ends the call in time, whatever it waits for") {
    Fixture f;
    FakeReply slow("late");
    slow.time_to_first_token = std::chrono::seconds(60);
    f.provider.script(slow);
    const auto start = std::chrono::steady_clock::now();
    const Error error = f.failure(CallOptions().deadline(std::chrono::milliseconds(40)));
    CHECK(error.kind() == ErrorKind::deadline_exceeded);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  }

  TEST_CASE("a call that is cancelled through its slot ends as cancelled and frees its connection") {
    Fixture f;
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
    auto invoker = std::make_unique<LiteLLMInvoker>(loop.get_executor(), towards(provider));
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

  TEST_CASE("a call from another executor moves to the invoker's and back") {
    asio::io_context loop(1);
    asio::io_context callers(1);
    FakeProvider provider(loop.get_executor());
    provider.script(FakeReply("hi"));
    LiteLLMInvoker invoker(loop.get_executor(), towards(provider));
    std::optional<InvokeResult> result;
    asio::co_spawn(callers, invoker.call(question(), "openai/gpt-4o-mini"),
                   [&](const std::exception_ptr& thrown, InvokeResult value) {
                     CHECK(!thrown);
                     result = std::move(value);
                   });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!result && std::chrono::steady_clock::now() < end) {
      callers.poll();
      callers.restart();
      loop.run_one_for(std::chrono::milliseconds(5));
    }
    REQUIRE(result);
    CHECK(result->message.text() == "hi");
  }

  TEST_CASE(
      "TLS with a trusted certificate works, and without is refused before a byte of the request is sent") {
    asio::io_context loop(1);
    FakeProvider provider(loop.get_executor(), FakeOptions().tls(true));
    HttpClientOptions http;
    http.tls.ca_pem = provider.ca_pem();
    LiteLLMInvoker trusting(loop.get_executor(), towards(provider).http(http));
    Recorder recorder;
    CallOptions options;
    options.stream_handler(&recorder);
    CHECK(run_on(loop, trusting.call(question(), "openai/gpt-4o-mini", options)).message.text() ==
          recorder.text);

    LiteLLMInvoker strict(loop.get_executor(), towards(provider));
    const auto before = provider.stats().requests;
    const Error error = test::error_on(loop, strict.call(question(), "openai/gpt-4o-mini"));
    CHECK(error.kind() == ErrorKind::tls_untrusted);
    CHECK(error.attempts() == 1);
    CHECK(provider.stats().requests == before);
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
    const Error error = test::error_on(loop, invoker.call(question(), "gpt-4o-mini"));
    CHECK(error.kind() == ErrorKind::connect_failed);
    CHECK(error.attempts() == 2);
    CHECK(error.message().find(std::to_string(port)) != std::string::npos);
  }

  TEST_CASE("echo models answer in process, without any provider") {
    Fixture f;
    CHECK(f.call({}, "echo/anything").message.text() == "Hello there");
    CHECK(f.provider.stats().requests == 0);
  }
}

TEST_SUITE("invokers/handlers") {
  TEST_CASE("a channel is read pull-style, is bounded, and ends with the stream") {
    Fixture f;
    f.provider.script(FakeReply("one two three four five six"));
    auto channel = std::make_shared<ChannelHandler>(f.loop.get_executor(), 2);
    std::optional<InvokeResult> result;
    asio::co_spawn(f.loop,
                   f.invoker.call(question(), "openai/gpt-4o-mini", CallOptions().stream_handler(channel)),
                   [&](const std::exception_ptr&, InvokeResult value) { result = std::move(value); });
    std::string text;
    for (;;) {
      const auto chunk = run_on(f.loop, channel->async_receive());
      if (!chunk) break;
      text += chunk->content;
    }
    CHECK(text == "one two three four five six");
    while (!result) f.loop.run_one();
    CHECK(result->message.text() == text);
  }

  TEST_CASE("a channel whose reader has gone ends the call") {
    Fixture f;
    auto channel = std::make_shared<ChannelHandler>(f.loop.get_executor(), 1);
    channel->close();
    CHECK(f.failure(CallOptions().stream_handler(channel)).kind() == ErrorKind::cancelled);
  }

  TEST_CASE("a relay writes server-sent events, and a tee gives to several") {
    Fixture f;
    f.provider.script(FakeReply("one two"));
    std::string relayed;
    auto relay =
        std::make_shared<SseRelayHandler>([&relayed](std::string_view bytes) -> asio::awaitable<void> {
          relayed += bytes;
          return {};
        });
    Recorder recorder;
    auto tee = std::make_shared<TeeHandler>(std::vector<StreamHandlerPtr>{relay, &recorder});
    f.call(CallOptions().stream_handler(tee));
    CHECK(recorder.text == "one two");
    CHECK(relayed.starts_with(
        "data: {\"delta\":\"one\"}\n\ndata: {\"delta\":\" two\"}\n\nevent: done\ndata: {"));
  }
}
