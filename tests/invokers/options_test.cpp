// What a caller may say of one call, and what the result says of it.
#include <doctest/doctest.h>

#include <sstream>

#include "lllm/core/parser.hpp"
#include "lllm/invokers/handlers.hpp"
#include "tests/invokers/wire_world.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

/// A parser of the user's own: it wants a word that the call names.
struct WantsWord final : Parser {
  [[nodiscard]] Result<json::value> parse(std::string_view text, const json::object& args) const override {
    const auto word = as_text(find(args, "word"));
    if (word.empty() || text.find(word) == text.npos)
      return Error(ErrorKind::parse_failed, "the reply lacks the word '" + std::string(word) + "'");
    return json::value(json::object{{"found", json::string(word)}});
  }
};

Dialog asked_with(std::shared_ptr<const Parser> parser) {
  Prompt prompt("p", "Say it.");
  prompt.parser = std::move(parser);
  Dialog dialog;
  dialog.put_prompt(prompt);
  return dialog;
}

}  // namespace

TEST_SUITE("invokers/options") {
  TEST_CASE("responder, metadata and the kind of interface are in the message, and arguments in the result") {
    FakeWorld f;
    f.provider.script(FakeReply("Hi."));
    const InvokeResult result = f.call(CallOptions()
                                           .responder("critic")
                                           .metadata({{"trace", 7}})
                                           .api_type(ApiType::response)
                                           .model_args({{"temperature", 0.25}, {"top_k", 3}, {"n", 2}}));
    CHECK(result.message.name == "critic");
    CHECK(result.message.metadata.at("trace") == 7);
    CHECK(result.message.api_type == ApiType::response);
    CHECK(result.model_args.at("temperature") == 0.25);
    CHECK(std::find(result.dropped_args.begin(), result.dropped_args.end(), "n") !=
          result.dropped_args.end());
    CHECK_FALSE(result.model_args.contains("n"));
    CHECK(f.provider.requests().back().body.at("temperature") == 0.25);
  }

  TEST_CASE(
      "a parser of one's own gets the call's arguments; what it refuses is recorded and does not throw") {
    FakeWorld f;
    const auto say = [&f](const char* word) {
      f.provider.script(FakeReply("The word is tulip."));
      return run_on(f.loop, f.invoker.call(asked_with(std::make_shared<WantsWord>()), "openai/gpt-4o-mini",
                                           CallOptions().parser_args({{"word", word}})));
    };
    const InvokeResult good = say("tulip");
    CHECK(good.execution_errors.empty());
    CHECK(good.message.parsed == json::value(json::object{{"found", "tulip"}}));
    const InvokeResult bad = say("rose");
    REQUIRE(bad.execution_errors.size() == 1);
    CHECK(bad.execution_errors[0].kind() == ErrorKind::parse_failed);
    CHECK(bad.execution_errors[0].message() == "the reply lacks the word 'rose'");
    CHECK(bad.message.text() == "The word is tulip.");
    CHECK(bad.message.parsed.is_null());
  }

  TEST_CASE("fault 70: on every wire malformed tool arguments are recorded with the reply and do not throw") {
    for (const auto& row : wire_rows)
      for (const bool streamed : {false, true}) {
        CAPTURE(row.wire);
        CAPTURE(streamed);
        // Where a whole reply has arguments as an object they cannot be malformed.
        const bool as_text =
            row.wire == "openai-chat" || row.wire == "openai-responses" || row.wire == "cohere-chat";
        const bool in_pieces = row.wire == "anthropic-messages" || row.wire == "bedrock-converse";
        if (!as_text && !(streamed && in_pieces)) continue;
        WireWorld world(row);
        Says says;
        says.call = R"({"x": tru)";
        world.says(made_answer(row.wire, says), streamed);
        Recorder sink;
        const InvokeResult reply = world.call(question(), streamed ? &sink : nullptr);
        REQUIRE(reply.message.tool_calls.size() == 1);
        CHECK(reply.message.tool_calls[0].arguments == says.call);
        REQUIRE(reply.execution_errors.size() == 1);
        CHECK(reply.execution_errors[0].kind() == ErrorKind::parse_failed);
        // The dialog goes on with it.
        Dialog dialog = question();
        dialog.append(reply.message);
        dialog.put_tool_result(reply.message.tool_calls[0].id, "look", "These are no arguments.", true);
        world.says(made_answer(row.wire, {}), false);
        CHECK(world.call(dialog).message.text() == "ok");
        CHECK(parse_json(world.requests.back().body).has_value());
      }
  }

  TEST_CASE("prices of one's own decide what a call costs, and an unknown price is no price") {
    PriceTable own;
    REQUIRE(own.overlay(json::object{{"openai", {{"house-model", {{"input", "2"}, {"output", "8"}}}}}})
                .has_value());
    asio::io_context loop(1);
    FakeProvider provider(loop.get_executor());
    LiteLLMInvoker invoker(loop.get_executor(), towards(provider.base_url()).prices(own));
    const auto cost_of = [&](const char* model) {
      FakeReply reply("one two three");
      reply.usage.prompt_tokens = 1'000'000;
      reply.usage.completion_tokens = 500'000;
      provider.script(reply);
      return run_on(loop, invoker.call(question(), model)).cost();
    };
    CHECK(cost_of("openai/house-model") == Money::parse("6"));
    CHECK_FALSE(cost_of("openai/nobody-knows-this-one").has_value());
    CHECK(cost_of("openai/gpt-4o-mini").has_value());
  }

  TEST_CASE("logprobs are asked for and come back, streamed or not") {
    for (const bool streamed : {false, true}) {
      WireWorld world(wire_rows[0]);
      const std::string logprobs =
          R"("logprobs":{"content":[{"token":"ok","logprob":-0.25,"top_logprobs":[{"token":"no","logprob":-2.5}]}]})";
      world.says(
          Made{R"({"choices":[{"index":0,"finish_reason":"stop","message":{"content":"ok"},)" + logprobs +
                   "}]}",
               R"(data: {"choices":[{"index":0,"delta":{"content":"ok"},)" + logprobs + "}]}\n\n" + chat_end},
          streamed);
      Recorder sink;
      CallOptions options;
      options.model_args({{"logprobs", true}, {"top_logprobs", 1}});
      if (streamed) options.stream_handler(&sink);
      const InvokeResult reply = run_on(world.loop, world.invoker->call(question(), World::model, options));
      REQUIRE(reply.message.logprobs.size() == 1);
      CHECK(reply.message.logprobs[0] == TokenLogprob{"ok", -0.25, {{"no", -2.5}}});
      const auto sent = parse_json(world.requests.back().body).value();
      CHECK(sent.at("logprobs") == true);
      CHECK(sent.at("top_logprobs") == 1);
    }
  }

  TEST_CASE(
      "print writes words as they come and nothing else, for a terminal without escapes, each call anew") {
    FakeWorld f;
    FakeReply reply("one \x1b[ 31mtwo \x1b]0;a title\x07three \x1b]0;open");
    reply.reasoning = "Hm.";
    for (const bool terminal : {false, true}) {
      std::ostringstream out;
      PrintHandler printer(out, terminal);
      f.provider.script(reply);
      f.call(CallOptions().stream_handler(&printer));
      CHECK(out.str() == (terminal ? "one two three " : reply.text));
      out.str("");
      f.provider.script(FakeReply("four five"));
      f.call(CallOptions().stream_handler(&printer));
      CHECK(out.str() == "four five");
    }
  }
}
