#include "tests/wires/openai_chat_wire.hpp"

#include <limits>

using namespace lllm;
using namespace lllm::test::chat_wire;
using test::decode;
using test::Outcome;

TEST_SUITE("wires/openai_chat_reply") {
  TEST_CASE("fault 66: an error body with status 200 is an error") {
    const Outcome outcome =
        decode(wire, false, R"({"error":{"message":"No.","type":"insufficient_quota","code":null}})");
    REQUIRE(outcome.error);
    CHECK(outcome.error->kind() == ErrorKind::quota_exceeded);
    CHECK(outcome.error->provider_text() == "No.");
    const Outcome in_choice = decode(
        wire, false,
        R"({"choices":[{"index":0,"message":{"role":"assistant","content":""},"error":{"code":502,"message":"Upstream died"},"finish_reason":"error"}]})");
    REQUIRE(in_choice.error);
    CHECK(in_choice.error->provider_text() == "Upstream died");
    CHECK(decode(wire, false, "{}").error->kind() == ErrorKind::bad_reply);
    CHECK(decode(wire, false, "[]").error->kind() == ErrorKind::bad_reply);
  }

  TEST_CASE("fault 69: a call without id gets one, the same each time; a late one is taken") {
    const std::string without =
        delta(R"({"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]})");
    const Outcome first = streamed({without});
    const Outcome second = streamed({without});
    REQUIRE(first.message.tool_calls.size() == 1);
    CHECK(!first.message.tool_calls[0].id.empty());
    CHECK(first.message.tool_calls[0].id == second.message.tool_calls[0].id);
    CHECK(!first.message.tool_calls[0].provider_id);

    const Message empty_id = whole(
        R"({"role":"assistant","content":null,"tool_calls":[{"id":"","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"","type":"function","function":{"name":"f","arguments":"{}"}}]})");
    REQUIRE(empty_id.tool_calls.size() == 2);
    CHECK(empty_id.tool_calls[0].provider_id == "");
    CHECK(empty_id.tool_calls[0].id != empty_id.tool_calls[1].id);

    const Outcome late = streamed({without, delta(R"({"tool_calls":[{"index":0,"id":"late"}]})")});
    REQUIRE(late.message.tool_calls.size() == 1);
    CHECK(late.message.tool_calls[0].id == "late");
  }

  TEST_CASE("an answer of reasoning alone is whole, and empty of text") {
    const Outcome outcome = streamed({delta(R"({"reasoning":"Hm."})"),
                                      R"({"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})"});
    REQUIRE(!outcome.error);
    CHECK(outcome.message.reasoning() == "Hm.");
    CHECK(outcome.message.text().empty());
    CHECK(outcome.message.finish_reason == "length");
  }

  TEST_CASE("fault 70: malformed arguments are kept as the model wrote them") {
    const Message message = whole(
        R"({"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": oops"}}]})");
    CHECK(message.tool_calls.at(0).arguments == "{\"x\": oops");
    CHECK(message.tool_calls.at(0).parsed_arguments().has_error());
  }

  TEST_CASE("fault 72: null content is empty text, and a list of parts is its words") {
    CHECK(whole(R"({"role":"assistant","content":null})").text().empty());
    CHECK(whole(R"({"role":"assistant"})").text().empty());
    CHECK(whole(R"({"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})")
              .text() == "ab");
    const Message thinking = whole(
        R"({"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"yes"}]})");
    CHECK(thinking.text() == "yes");
    CHECK(thinking.reasoning() == "hm");
    CHECK(message_of(thinking, whoever_answered()).at("content").at(0).at("type") == "thinking");
  }

  TEST_CASE("fault 74: an unknown, empty, missing or repeated finish reason is no error") {
    const auto finish = [](std::string_view first, std::string_view second) {
      return streamed({R"({"choices":[{"index":0,"delta":{},"finish_reason":)" + std::string(first) + "}]}",
                       R"({"choices":[{"index":0,"delta":{},"finish_reason":)" + std::string(second) + "}]}"})
          .message.finish_reason;
    };
    CHECK(finish("null", "\"eos_token\"") == "eos_token");
    CHECK(finish("\"length\"", "null") == "length");
    CHECK(finish("\"stop\"", "\"stop\"") == "stop");
    CHECK(finish("\"\"", "\"\"").empty());
  }

  TEST_CASE("fault 75: what nobody knows is skipped and kept in the raw response") {
    const Outcome outcome = streamed({
        delta(R"({"content":"a","executed_tools":[{"index":0,"type":"search","arguments":"{}"}]})"),
        delta(R"({"executed_tools":[{"index":0,"type":"search","output":"found"}],"odd":{"n":1}})"),
    });
    REQUIRE(!outcome.error);
    const auto* tools = find_at(outcome.raw, "/choices/0/message/executed_tools");
    REQUIRE(tools != nullptr);
    REQUIRE(tools->as_array().size() == 1);
    CHECK(text_at(tools->at(0), "output") == "found");
    CHECK(find_at(outcome.raw, "/choices/0/message/odd/n") != nullptr);
    CHECK(text_at(outcome.raw, "object") == "chat.completion");
  }

  TEST_CASE("fault 77: a refusal is a refusal and no text") {
    const Outcome outcome = streamed({delta(R"({"refusal":"I can"})"), delta(R"({"refusal":"not."})")});
    CHECK(outcome.message.refusal() == "I cannot.");
    CHECK(outcome.message.text().empty());
  }

  TEST_CASE("fault 78: absurd token counts do not overflow") {
    const Message message = whole(
        R"({"content":"a"})",
        R"(,"usage":{"prompt_tokens":1e300,"completion_tokens":99999999999999999999,"total_tokens":-5,"completion_tokens_details":{"reasoning_tokens":9223372036854775807}})");
    CHECK(message.usage.prompt_tokens == std::numeric_limits<std::int64_t>::max());
    CHECK(message.usage.completion_tokens == std::numeric_limits<std::int64_t>::max());
    CHECK(!message.usage.total_tokens);
  }

  TEST_CASE(
      "usage in every dialect: cached tokens, xAI's reasoning beside the completion, Groq's own place") {
    const auto usage = [](std::string_view json) {
      return whole(R"({"content":"a"})", R"(,"usage":)" + std::string(json)).usage;
    };
    CHECK(usage(R"({"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":4})")
              .cached_prompt_tokens == 4);
    CHECK(usage(R"({"prompt_tokens":9,"completion_tokens":1,"num_cached_tokens":5})").cached_prompt_tokens ==
          5);
    CHECK(usage(R"({"prompt_tokens":9.0,"completion_tokens":1})").prompt_tokens == 9);
    const Usage xai = usage(
        R"({"prompt_tokens":10,"completion_tokens":2,"total_tokens":42,"completion_tokens_details":{"reasoning_tokens":30}})");
    CHECK(xai.completion_tokens == 32);
    const Usage more_reasoning = usage(
        R"({"prompt_tokens":43,"completion_tokens":10,"total_tokens":53,"completion_tokens_details":{"reasoning_tokens":11}})");
    CHECK(more_reasoning.completion_tokens == 10);
    CHECK(more_reasoning.reasoning_tokens == 11);
    const Outcome groq =
        streamed({R"({"choices":[],"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":2}}})"});
    CHECK(groq.message.usage.prompt_tokens == 3);
  }

  TEST_CASE("<think> inside text stays text, and reasoning is read once wherever it stands") {
    CHECK(whole(R"({"content":"<think>a</think>b"})").text() == "<think>a</think>b");
    const Outcome both = streamed({delta(
        R"({"content":"","reasoning":"We","reasoning_details":[{"type":"reasoning.text","text":"We","index":0}]})")});
    CHECK(both.message.reasoning() == "We");
    CHECK(whole(R"({"content":"a","reasoning_content":"hm"})").reasoning() == "hm");
    const Message details = whole(
        R"({"content":"a","reasoning_details":[{"type":"reasoning.summary","summary":"hm","index":0}]})");
    CHECK(details.reasoning() == "hm");
  }

  TEST_CASE("what Google hides beside a tool call goes back with it") {
    const Message message = whole(
        R"({"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"S"}}}]})");
    CHECK(find_at(message_of(message, whoever_answered()),
                  "/tool_calls/0/extra_content/google/thought_signature") != nullptr);
  }

  TEST_CASE("logprobs are read and add up over a stream") {
    const std::string entry =
        R"([{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.5}]}])";
    const std::string chunk =
        R"({"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":)" + entry + "}}]}";
    const Outcome outcome = streamed({chunk, chunk});
    REQUIRE(outcome.message.logprobs.size() == 2);
    CHECK(outcome.message.logprobs[1].top.at(0).second == doctest::Approx(-0.5));
    CHECK(find_at(outcome.raw, "/choices/0/logprobs/content/1/bytes") != nullptr);
  }

  TEST_CASE("citations: annotations add up, a list of addresses is repeated in every chunk") {
    CHECK(streamed({delta(R"({"annotations":[{"type":"url_citation"}]})"),
                    delta(R"({"annotations":[{"type":"url_citation"}]})")})
              .message.citations.size() == 2);
    CHECK(streamed({R"({"citations":["x","y"],"choices":[]})", R"({"citations":["x","y"],"choices":[]})"})
              .message.citations.size() == 2);
  }

  TEST_CASE("a custom tool's call is free text") {
    const Message message = whole(
        R"({"role":"assistant","tool_calls":[{"id":"a","type":"custom","custom":{"name":"sql","input":"select 1"}}]})");
    REQUIRE(message.tool_calls.size() == 1);
    CHECK(message.tool_calls[0].custom);
    CHECK(text_at(message.tool_calls[0].parsed_arguments().value(), "__text__") == "select 1");
    CHECK(find_at(message_of(message), "/tool_calls/0/custom/input") != nullptr);
  }
}
