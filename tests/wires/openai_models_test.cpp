// What changes with the model's name on OpenAI's own interfaces, so that a caller can change it and nothing
// else. Facts from openai's errors as others met them: langchain issue 29704 (parallel_tool_calls),
// openai-openapi issue 541 and litellm pull request 34569 (an effort beside functions), openai-agents-python
// issue 569 (reasoning items), pydantic-ai profiles/openai.py (which families reason unasked).
#include <string>

#include "lllm/wires/openai_models.hpp"
#include "tests/wires/wire_test.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

struct Sent {
  json::value body;
  std::vector<std::string> dropped;

  [[nodiscard]] bool has(std::string_view name) const { return find(body, name) != nullptr; }
};

Sent sent(std::string_view wire, std::string_view model, std::string_view args, std::vector<Tool> tools = {},
          std::string_view provider = "openai", Dialog dialog = asked()) {
  const auto options = CallOptions().model_args(js(args).as_object());
  const Schema none;
  const auto request = find_codec(wire)->encode(
      EncodeInput{dialog, *find_provider(provider), model, options, tools, none, false});
  REQUIRE(request.has_value());
  return {js(request->body), request->dropped};
}

using Names = std::vector<std::string>;

}  // namespace

TEST_SUITE("wires/openai_models") {
  TEST_CASE("a model that reasons is spared the arguments of sampling, and they are named") {
    const auto args = R"({"temperature":0.2,"top_p":0.5,"frequency_penalty":1,"presence_penalty":1,
                         "logit_bias":{"5":1},"logprobs":true,"top_logprobs":2,"stop":"x","seed":7})";
    const Names all{"temperature", "top_p",    "frequency_penalty", "presence_penalty",
                    "logit_bias",  "logprobs", "top_logprobs",      "stop"};
    for (const auto* model :
         {"o3", "o4-mini", "gpt-5", "gpt-5-mini-2025-08-07", "gpt-5.1-codex", "gpt-5.2-pro",
          "gpt-5.3-chat-latest", "gpt-5.5", "gpt-5.6-sol", "gpt-6-astra"}) {
      CAPTURE(model);
      const auto chat = sent("openai-chat", model, args);
      CHECK(chat.dropped == all);
      CHECK(chat.body.at("seed") == 7);
      const auto responses = sent("openai-responses", model, args);
      CHECK_FALSE(responses.has("temperature"));
      CHECK_FALSE(responses.has("top_logprobs"));
      CHECK(responses.dropped.size() == all.size() + 1);  // seed, too, has no place there
    }
    for (const auto* model : {"gpt-4o-mini", "gpt-4.1", "gpt-5-chat-latest", "ft:gpt-4o-mini:me::id",
                              "gpt-5.1", "gpt-5.2", "gpt-5.4-mini", "my-deployment"}) {
      CAPTURE(model);
      CHECK(sent("openai-chat", model, args, {}, "azure").dropped.empty());
    }
    // The older ones know where to stop.
    CHECK(sent("openai-chat", "o1", R"({"stop":"x"})").has("stop"));
    CHECK(sent("openai-chat", "o3-mini", R"({"stop":"x"})").has("stop"));
  }

  TEST_CASE("with an effort a model reasons, and with none it samples") {
    const auto temperature = [](std::string_view model, std::string_view effort) {
      const std::string args = R"({"temperature":0.2,"reasoning_effort":")" + std::string(effort) + "\"}";
      const bool chat = sent("openai-chat", model, args).has("temperature");
      CHECK(sent("openai-responses", model, args).has("temperature") == chat);
      return chat;
    };
    CHECK_FALSE(temperature("gpt-5.2", "low"));
    CHECK(temperature("gpt-5.2", "none"));
    CHECK(temperature("gpt-5.6-luna", "none"));
    CHECK_FALSE(temperature("gpt-5.6-luna", "high"));
    CHECK_FALSE(sent("openai-responses", "gpt-5.2", R"({"temperature":1,"reasoning":{"effort":"low"}})")
                    .has("temperature"));
  }

  TEST_CASE("a model that does not reason is asked for no effort") {
    for (const auto* wire : {"openai-chat", "openai-responses"})
      for (const auto* model : {"gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest"}) {
        const auto request = sent(wire, model, R"({"reasoning_effort":"low","temperature":0.2})");
        CHECK(request.dropped == Names{"reasoning_effort"});
        CHECK_FALSE(request.has("reasoning"));
        CHECK(request.has("temperature"));
      }
    CHECK(sent("openai-responses", "gpt-4o", R"({"reasoning":{"effort":"low"}})").dropped ==
          Names{"reasoning"});
    // Others' rules are their own, whatever the model is called.
    const auto elsewhere =
        sent("openai-chat", "openai/gpt-4o", R"({"reasoning_effort":"low"})", {}, "openrouter");
    CHECK(elsewhere.dropped.empty());
    CHECK(sent("openai-chat", "openai/o3", R"({"temperature":0.2})", {}, "openrouter").has("temperature"));
  }

  TEST_CASE("the o series calls one tool at a time and is not told so") {
    for (const auto* wire : {"openai-chat", "openai-responses"}) {
      CHECK(sent(wire, "o4-mini", R"({"parallel_tool_calls":false})").dropped ==
            Names{"parallel_tool_calls"});
      CHECK(sent(wire, "gpt-5", R"({"parallel_tool_calls":false})").has("parallel_tool_calls"));
    }
  }

  TEST_CASE("beside functions, chat completions of the newest models get no effort, or an explicit none") {
    const std::vector<Tool> tools{a_tool("weather")};
    const auto low = R"({"reasoning_effort":"low"})";
    const auto older = sent("openai-chat", "gpt-5.4", low, tools);
    CHECK(older.dropped == Names{"reasoning_effort"});
    CHECK_FALSE(older.has("reasoning_effort"));
    const auto newer = sent("openai-chat", "gpt-5.6-terra", low, tools);
    CHECK(newer.dropped == Names{"reasoning_effort"});
    CHECK(newer.body.at("reasoning_effort") == "none");
    CHECK(sent("openai-chat", "gpt-5.6-terra", "{}", tools).body.at("reasoning_effort") == "none");
    CHECK(sent("openai-chat", "gpt-5.4", R"({"reasoning_effort":"none"})", tools).dropped.empty());
    // Nothing of that without functions, on older models, or on the interface that takes both.
    CHECK(sent("openai-chat", "gpt-5.6-terra", low).body.at("reasoning_effort") == "low");
    CHECK_FALSE(sent("openai-chat", "gpt-5.6-terra", "{}").has("reasoning_effort"));
    CHECK(sent("openai-chat", "gpt-5", low, tools).body.at("reasoning_effort") == "low");
    CHECK(sent("openai-responses", "gpt-5.6-terra", low, tools).body.at("reasoning").at("effort") == "low");
  }

  TEST_CASE("all that reason are limited by max_completion_tokens, and give what they thought to keep") {
    for (const auto* model : {"o3", "gpt-5-nano", "gpt-6-sol"}) {
      CHECK(sent("openai-chat", model, R"({"max_tokens":9})").body.at("max_completion_tokens") == 9);
      CHECK(sent("openai-responses", model, "{}").body.at("include") ==
            js(R"(["reasoning.encrypted_content"])"));
    }
    CHECK(sent("openai-chat", "gpt-4.1", R"({"max_tokens":9})").body.at("max_tokens") == 9);
  }

  TEST_CASE("what one model thought is left out for one that does not reason, and comes back for the next") {
    const auto reply = find_codec("openai-responses")
                           ->decode(*find_provider("openai"), R"({"id":"r","status":"completed","output":[
        {"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"ENC=="},
        {"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[
          {"type":"output_text","text":"Hello","annotations":[]}]},
        {"id":"fc_1","type":"function_call","call_id":"c1","name":"weather","arguments":"{}"}]})");
    REQUIRE(reply.has_value());
    Dialog dialog = asked();
    dialog.append(reply->message).put_tool_result("c1", "weather", "rain");
    const auto input = [&](std::string_view model) {
      return sent("openai-responses", model, "{}", {}, "openai", dialog).body.at("input").as_array();
    };
    const auto plain = input("gpt-4.1");
    REQUIRE(plain.size() == 4);
    // An id would be missed without its reasoning: "provided without its required 'reasoning' item".
    CHECK(find(plain[1], "id") == nullptr);
    CHECK(find_at(plain[1], "/content/0/text")->as_string() == "Hello");
    CHECK(find(plain[2], "id") == nullptr);
    CHECK(text_at(plain[2], "call_id") == "c1");
    const auto thoughtful = input("o4-mini");
    REQUIRE(thoughtful.size() == 5);
    CHECK(text_at(thoughtful[1], "encrypted_content") == "ENC==");
    CHECK(text_at(thoughtful[2], "id") == "msg_1");
  }
}
