#include "lllm/invokers/litellm_invoker.hpp"

#include <doctest/doctest.h>

#include "lllm/async/gather.hpp"
#include "tests/invokers/fake_world.hpp"

using namespace lllm;
using namespace lllm::test;

TEST_SUITE("invokers/litellm_invoker") {
  TEST_CASE("a call brings back text, usage, cost, timings and the provider's request id") {
    FakeWorld f;
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
    CHECK(seen.api_key == canary);
    CHECK(*find_at(seen.body, "/temperature") == 0.2);
    CHECK(*find_at(seen.body, "/messages/0/role") == "system");
  }

  TEST_CASE("the streamed and the unstreamed result are equal") {
    FakeWorld f;
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
    FakeWorld f;
    for (int i = 0; i < 5; ++i) f.call();
    CHECK(f.invoker.stats().connects == 1);
  }

  TEST_CASE("a thousand calls at once on one thread all get their own answer") {
    FakeWorld f;
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
    FakeWorld f;
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
    FakeWorld f;
    f.provider.script(FakeReply("outer words"));
    f.provider.script(FakeReply("inner"));
    Nested sink(f.invoker);
    CHECK(f.call(CallOptions().stream_handler(&sink)).message.text() == "outer words");
    CHECK(sink.inner == "inner");
  }

  TEST_CASE(
      "fault 86: with one connection allowed a sink may call from its end, and in its midst waits typed") {
    struct Nested final : BaseStreamHandler {
      LiteLLMInvoker* invoker = nullptr;
      bool at_the_end = false;
      std::string inner;
      std::optional<Error> failure;
      asio::awaitable<void> ask() {
        try {
          auto call = invoker->call(question(), "openai/gpt-4o-mini",
                                    CallOptions().deadline(std::chrono::milliseconds(50)));
          const InvokeResult result = co_await std::move(call);
          inner = result.message.text();
        } catch (const Exception& e) {
          failure = e.error();
        }
      }
      asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override {
        if (at_the_end || failure) return {};
        return ask();
      }
      asio::awaitable<void> on_finish(const InvokeResult&) override {
        if (!at_the_end) return {};
        return ask();
      }
    };
    asio::io_context loop(1);
    FakeProvider provider(loop.get_executor());
    HttpClientOptions http;
    http.max_connections_per_origin = 1;
    LiteLLMInvoker invoker(loop.get_executor(), towards(provider.base_url(), http));
    FakeReply outer("outer words");
    outer.tokens_per_second =
        1000;  // so that its end is not there yet when the sink is given its first words
    for (const bool at_the_end : {true, false}) {
      CAPTURE(at_the_end);
      provider.script(outer);
      provider.script(FakeReply("inner"));
      Nested sink;
      sink.invoker = &invoker;
      sink.at_the_end = at_the_end;
      const auto call = [&] {
        return run_on(loop,
                      invoker.call(question(), "openai/gpt-4o-mini", CallOptions().stream_handler(&sink)));
      };
      CHECK(call().message.text() == "outer words");
      CHECK(sink.inner == (at_the_end ? "inner" : ""));
      CHECK(sink.failure.has_value() == !at_the_end);
      if (!sink.failure) continue;
      // The stream holds the connection that its own sink waits for: that ends by the inner call's deadline.
      CHECK(sink.failure->kind() == ErrorKind::deadline_exceeded);
      CHECK(sink.failure->message().find("waited for a connection") != std::string::npos);
    }
    CHECK(invoker.stats().connects == 1);
  }

  TEST_CASE("a call from another executor moves to the invoker's and back") {
    asio::io_context loop(1);
    asio::io_context callers(1);
    FakeProvider provider(loop.get_executor());
    provider.script(FakeReply("hi"));
    LiteLLMInvoker invoker(loop.get_executor(), towards(provider.base_url()));
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
    LiteLLMInvoker trusting(loop.get_executor(), towards(provider.base_url(), http));
    Recorder recorder;
    CallOptions options;
    options.stream_handler(&recorder);
    CHECK(run_on(loop, trusting.call(question(), "openai/gpt-4o-mini", options)).message.text() ==
          recorder.text);

    LiteLLMInvoker strict(loop.get_executor(), towards(provider.base_url()));
    const auto before = provider.stats().requests;
    const Error error = error_on(loop, strict.call(question(), "openai/gpt-4o-mini"));
    CHECK(error.kind() == ErrorKind::tls_untrusted);
    CHECK(error.attempts() == 1);
    CHECK(provider.stats().requests == before);
  }

  TEST_CASE("echo models answer in process, without any provider") {
    FakeWorld f;
    CHECK(f.call({}, "echo/anything").message.text() == "Hello there");
    CHECK(f.provider.stats().requests == 0);
  }
}
