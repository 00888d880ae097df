// lllm's own invoker against the fake provider, on every wire.
#include <doctest/doctest.h>

#include <string>

#include <boost/asio/io_context.hpp>

#include "lllm/invokers/handlers.hpp"
#include "lllm/invokers/litellm_invoker.hpp"
#include "lllm/net/http_server.hpp"
#include "lllm/testing/fake_provider.hpp"
#include "tests/support/loop.hpp"

using namespace lllm;
using test::run_on;

namespace {

struct Collector final : BaseStreamHandler {
  std::string text, reasoning;
  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk&) override {
    text += content;
    return {};
  }
  asio::awaitable<void> handle_reasoning(std::string_view content, const StreamChunk&) override {
    reasoning += content;
    return {};
  }
};

struct Wire {
  const char* model;
  const char* base;
  ApiType api = ApiType::completion;
  [[nodiscard]] CallOptions options() const { return CallOptions().api_type(api); }
};
constexpr Wire wires[] = {{"openai/gpt-4o-mini", "/v1"},
                          {"openai/gpt-5-mini", "/v1", ApiType::response},
                          {"deepseek/deepseek-chat", "/v1"},
                          {"gemini/gemini-3-pro-preview", "/v1beta"},
                          {"ollama/llama3.2", ""},
                          {"anthropic/claude-haiku-4-5", ""},
                          {"bedrock/anthropic.claude-haiku-4-5-20251001-v1:0", ""},
                          {"cohere/command-a-03-2025", ""}};

Tool look_up() {
  return Tool("look_up", "Looks a word up.",
              *parse_json(R"({"type":"object","properties":{"word":{"type":"string"}},"required":["word"]})")
                   ->if_object(),
              {});
}

}  // namespace

TEST_SUITE("testing/fake_wires") {
  TEST_CASE("streamed and unstreamed answers agree, with reasoning, usage and the tool's round trip") {
    for (const auto& wire : wires) {
      CAPTURE(wire.model);
      asio::io_context loop;
      FakeProvider provider(loop.get_executor());
      InvokerOptions options;
      options.environment(Environment(fixed_variables({})));
      options.base_url(provider.origin() + wire.base).api_key(Secret("sk-canary"));
      LiteLLMInvoker invoker(loop.get_executor(), options);
      FakeReply reply("Grüße aus Bern, \"quoted\"\nand more.");
      reply.reasoning = "Let me think about it.";
      provider.script(reply);
      provider.script(reply);
      Dialog dialog;
      dialog.put_text("Be brief.", Role::system).put_text("Hello");
      const auto whole = run_on(loop, invoker.call(dialog, wire.model, wire.options()));
      Collector collector;
      CallOptions streamed_options = wire.options();
      streamed_options.stream_handler(&collector);
      const auto streamed = run_on(loop, invoker.call(dialog, wire.model, streamed_options));
      CHECK(whole.message.text() == reply.text);
      CHECK(whole.message.reasoning() == reply.reasoning);
      CHECK(streamed.message.text() == reply.text);
      CHECK(collector.text == reply.text);
      CHECK(collector.reasoning == reply.reasoning);
      CHECK(streamed.message.usage == whole.message.usage);
      CHECK(streamed.message.finish_reason == whole.message.finish_reason);
      CHECK(whole.message.usage.prompt_tokens.value_or(0) > 0);

      // The fake model calls the tool that it is offered, and answers once its result is there.
      CallOptions with_tool = wire.options();
      with_tool.tools({look_up()});
      const auto asked = run_on(loop, invoker.call(dialog, wire.model, with_tool));
      REQUIRE(asked.message.tool_calls.size() == 1);
      CHECK(asked.message.tool_calls[0].name == "look_up");
      CHECK(asked.execution_errors.empty());
      dialog.append(asked.message);
      dialog.put_tool_result(asked.message.tool_calls[0].id, "look_up", "a meaning");
      const auto answered = run_on(loop, invoker.call(dialog, wire.model, with_tool));
      CHECK(answered.message.tool_calls.empty());
      CHECK_FALSE(answered.message.text().empty());
      CHECK(provider.requests().back().last_tool_result == "a meaning");
      CHECK(provider.requests().back().tool_results == 1);
    }
  }

  TEST_CASE("Vertex AI: a token is fetched for the credentials and sent with every call") {
    asio::io_context loop;
    int asked = 0;
    HttpServer google(loop.get_executor(), [&asked](const HttpServerRequest&, HttpResponder& responder) {
      ++asked;
      HttpHeaders headers{{"Content-Type", "application/json"}};
      return responder.send(200, std::move(headers), R"({"access_token":"ya29.canary","expires_in":3600})");
    });
    FakeProvider provider(loop.get_executor());
    const std::string credentials =
        "{\n"
        R"("type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r","token_uri":")" +
        google.url() + R"(/token"})";
    InvokerOptions options;
    options.environment(Environment(fixed_variables({{"VERTEXAI_PROJECT", "p"},
                                                     {"VERTEXAI_LOCATION", "global"},
                                                     {"VERTEXAI_CREDENTIALS", credentials}})));
    options.base_url("vertex_ai", provider.origin() + "/v1/projects/p/locations/global/publishers/google");
    LiteLLMInvoker invoker(loop.get_executor(), options);
    Dialog dialog;
    dialog.put_text("Hello");
    for (int i = 0; i < 3; ++i) {
      provider.script(FakeReply("Hi."));
      CHECK(run_on(loop, invoker.call(dialog, "vertex_ai/gemini-2.5-pro", CallOptions())).message.text() ==
            "Hi.");
    }
    CHECK(asked == 1);
    CHECK(provider.requests().back().api_key == "ya29.canary");
    CHECK(provider.requests().back().path ==
          "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:generateContent");
  }

  TEST_CASE("Responses: a queued answer is asked for until the model has done") {
    asio::io_context loop;
    FakeProvider provider(loop.get_executor(), FakeOptions().require_key("sk-canary"));
    InvokerOptions options;
    options.environment(Environment(fixed_variables({})));
    options.base_url(provider.base_url()).api_key(Secret("sk-canary"));
    LiteLLMInvoker invoker(loop.get_executor(), options);
    FakeReply reply("Worth the wait.");
    reply.unfinished = 2;  // queued, in_progress
    provider.script(reply);
    Dialog dialog;
    dialog.put_text("Hello");
    CallOptions call = CallOptions().api_type(ApiType::response);
    const auto waited = run_on(loop, invoker.call(dialog, "openai/gpt-5-mini", call));
    CHECK(waited.message.text() == "Worth the wait.");
    CHECK(waited.message.finish_reason == "completed");
    CHECK(provider.stats().requests == 3);
    CHECK(waited.attempts.size() == 1);

    // In background mode the API queues what it is asked.
    provider.script(FakeReply("In the background."));
    call.model_args({{"background", true}});
    const auto background = run_on(loop, invoker.call(dialog, "openai/gpt-5-mini", call));
    CHECK(background.message.text() == "In the background.");
    CHECK(provider.stats().requests == 5);
    // What is not stored cannot be asked for, so it is never queued.
    provider.script(reply);
    call.model_args({{"store", false}});
    CHECK(run_on(loop, invoker.call(dialog, "openai/gpt-5-mini", call)).message.text() == "Worth the wait.");
    CHECK(provider.stats().requests == 6);
  }

  TEST_CASE("errors, cut streams and error events are what they are") {
    for (const auto& wire : wires) {
      CAPTURE(wire.model);
      asio::io_context loop;
      FakeProvider provider(loop.get_executor());
      InvokerOptions options;
      options.environment(Environment(fixed_variables({})));
      options.base_url(provider.origin() + wire.base).api_key(Secret("sk-canary"));
      LiteLLMInvoker invoker(loop.get_executor(), options);
      Dialog dialog;
      dialog.put_text("Hello");
      Collector collector;
      CallOptions call = wire.options();
      call.stream_handler(&collector).max_retries(0);

      provider.script(FakeReply::error(404, "NOT_FOUND", "no such model"));
      CHECK(test::error_on(loop, invoker.call(dialog, wire.model, call)).kind() == ErrorKind::not_found);
      FakeReply cut("one two three four");
      cut.fault = FakeFault::close;
      cut.fault_after = 2;
      provider.script(cut);
      const Error early = test::error_on(loop, invoker.call(dialog, wire.model, call));
      CHECK((early.kind() == ErrorKind::incomplete_reply || early.kind() == ErrorKind::connection_lost));
      REQUIRE(early.partial() != nullptr);
      CHECK(early.partial()->text().starts_with("one"));
      CHECK(early.to_string().find("canary") == std::string::npos);
      cut.fault = FakeFault::error_event;
      provider.script(cut);
      const Error inside = test::error_on(loop, invoker.call(dialog, wire.model, call));
      CHECK(inside.kind() == ErrorKind::provider_error);
      REQUIRE(inside.partial() != nullptr);
      CHECK(inside.partial()->text() == "one two");
    }
  }
}
