// What providers really send and naive clients trip over, where it is no matter of one codec's own tests:
// keep-alives, padding, and orders that no documentation promises. Each was seen in live traffic.
#include <string>

#include "lllm/formats/aws_frames.hpp"
#include "tests/support/codec_contract.hpp"
#include "tests/wires/wire_test.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

// The same outcome however the bytes arrive.
Outcome in_any_cut(const char* wire, const std::string& stream) {
  const Outcome whole = decode(wire, true, stream);
  for (const Cut cut : {Cut::random, Cut::bytes}) {
    const Outcome again = decode(wire, true, stream, cut);
    CHECK(again.message.text() == whole.message.text());
    CHECK(again.text_chunks == whole.text_chunks);
    CHECK(again.error.has_value() == whole.error.has_value());
  }
  return whole;
}

std::string chat_event(std::string_view json) {
  return "data: " + std::string(json) + "\n\n";
}

std::string frame(std::string_view type, std::string_view data) {
  std::string bytes;
  append_aws_event(bytes, type, data);
  return bytes;
}

}  // namespace

TEST_SUITE("wires/oddities") {
  TEST_CASE("OpenRouter: comments keep the stream alive, and an error ends it under status 200") {
    const std::string alive = ": OPENROUTER PROCESSING\n\n";
    const std::string words =
        alive + alive + chat_event(R"({"id":"g","choices":[{"index":0,"delta":{"content":"so "}}]})") +
        alive + chat_event(R"({"id":"g","choices":[{"index":0,"delta":{"content":"far"}}]})") + alive;
    const Outcome answered = in_any_cut(
        "openai-chat", words + chat_event(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})") +
                           alive + chat_event("[DONE]"));
    REQUIRE(!answered.error);
    CHECK(answered.message.text() == "so far");
    CHECK(answered.text_chunks == 2);
    const Outcome failed = in_any_cut(
        "openai-chat",
        words +
            chat_event(
                R"({"id":"g","error":{"code":502,"message":"Provider returned error","metadata":{"raw":"x"}},)"
                R"("choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]})") +
            alive + chat_event("[DONE]"));
    REQUIRE(failed.error);
    CHECK(failed.error->kind() == ErrorKind::provider_error);
    CHECK(failed.error->provider_text() == "Provider returned error");
    CHECK(failed.message.text() == "so far");
  }

  TEST_CASE("Groq: a generation that no tool fits is an error event in the middle of a stream") {
    const Outcome outcome = in_any_cut(
        "openai-chat",
        chat_event(R"({"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"Well, "}}]})") +
            "event: error\n" +
            chat_event(R"({"error":{"message":"Failed to call a function.","type":"invalid_request_error",)"
                       R"("code":"tool_use_failed","failed_generation":"<tool>{","status_code":400}})"));
    REQUIRE(outcome.error);
    CHECK(outcome.error->kind() == ErrorKind::invalid_request);
    CHECK(outcome.error->provider_code() == "tool_use_failed");
    CHECK(outcome.message.text() == "Well, ");
  }

  TEST_CASE("Azure: the first chunk has no choices, the next no words") {
    const Outcome outcome = in_any_cut(
        "openai-chat",
        chat_event(
            R"({"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]})") +
            chat_event(
                R"({"id":"c","model":"gpt-x","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})") +
            chat_event(
                R"({"id":"c","model":"gpt-x","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null,"content_filter_results":{}}]})") +
            chat_event(R"({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})") +
            chat_event("[DONE]"));
    REQUIRE(!outcome.error);
    CHECK(outcome.message.text() == "Hi");
    CHECK(outcome.message.model == "gpt-x");
    CHECK(outcome.text_chunks == 1);
  }

  TEST_CASE("finish reasons that are not there at all") {
    const Outcome streamed =
        in_any_cut("openai-chat",
                   chat_event(R"({"choices":[{"index":0,"delta":{"content":"a"}}]})") + chat_event("[DONE]"));
    REQUIRE(!streamed.error);
    CHECK(streamed.message.finish_reason.empty());
    const Outcome whole = decode("openai-chat", false, R"({"choices":[{"message":{"content":"a"}}]})");
    REQUIRE(!whole.error);
    CHECK(whole.message.text() == "a");
  }

  TEST_CASE("Anthropic: white space of any length pads events and says nothing") {
    const auto stream = [](const std::string& pad) {
      const auto event = [&](const std::string& type, const std::string& members) {
        return "event: " + type + "\ndata: {\"type\":" + pad + "\"" + type + "\"" + members + pad + "}" +
               pad + "\n\n";
      };
      return event(
                 "message_start",
                 R"(,"message":{"id":"m","role":"assistant","content":[],"usage":{"input_tokens":3,"output_tokens":1}})") +
             event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})") +
             event("ping", "") +
             event("content_block_delta",
                   ",\"index\":0," + pad + R"("delta":{"type":"text_delta",)" + pad + R"("text":"one "})") +
             event("content_block_delta",
                   ",\"index\":0,\"delta\":" + pad + R"({"type":"text_delta","text":"two")" + pad + "}") +
             event("content_block_stop", ",\"index\":0") +
             event("message_delta", R"(,"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4})") +
             event("message_stop", "");
    };
    const Outcome plain = decode("anthropic-messages", true, stream(""));
    REQUIRE(!plain.error);
    CHECK(plain.message.text() == "one two");
    for (const char* pad : {" ", "       ", "\t", "                                        "}) {
      const Outcome padded = in_any_cut("anthropic-messages", stream(pad));
      REQUIRE(!padded.error);
      CHECK(to_json_value(padded.message) == to_json_value(plain.message));
      CHECK(padded.text_chunks == 2);
    }
  }

  TEST_CASE("Responses: reasoning streamed as content, where no summary is") {
    const auto event = [](const std::string& type, const std::string& members) {
      return "event: " + type + "\ndata: {\"type\":\"" + type + "\"," + members + "}\n\n";
    };
    const std::string item =
        R"({"id":"rs","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"Hm, yes."}]})";
    const Outcome outcome =
        in_any_cut("openai-responses",
                   event("response.output_item.added",
                         R"("output_index":0,"item":{"id":"rs","type":"reasoning","summary":[]})") +
                       event("response.reasoning_text.delta",
                             R"("output_index":0,"content_index":0,"item_id":"rs","delta":"Hm, ")") +
                       event("response.reasoning_text.delta",
                             R"("output_index":0,"content_index":0,"item_id":"rs","delta":"yes.")") +
                       event("response.output_item.done", "\"output_index\":0,\"item\":" + item) +
                       event("response.completed",
                             R"("response":{"id":"r","status":"completed","output":[)" + item + "]}"));
    REQUIRE(!outcome.error);
    CHECK(outcome.message.reasoning() == "Hm, yes.");
    CHECK(outcome.message.text().empty());
  }

  TEST_CASE("Bedrock: deltas without a start, padding under `p`, usage before the stop") {
    const auto stream = [](const std::string& p) {
      const std::string pad = p.empty() ? "" : ",\"p\":\"" + p + "\"";
      return frame("messageStart", R"({"role":"assistant")" + pad + "}") +
             frame("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"one "})" + pad + "}") +
             frame("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"two"})" + pad + "}") +
             frame("contentBlockStop", R"({"contentBlockIndex":0)" + pad + "}") +
             frame("metadata", R"({"usage":{"inputTokens":5,"outputTokens":2,"totalTokens":7})" + pad + "}") +
             frame("messageStop", R"({"stopReason":"end_turn")" + pad + "}");
    };
    const Outcome plain = decode("bedrock-converse", true, stream(""));
    REQUIRE(!plain.error);
    CHECK(plain.message.text() == "one two");
    CHECK(plain.message.usage.total_tokens == 7);
    for (const char* p : {"a", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}) {
      const Outcome padded = in_any_cut("bedrock-converse", stream(p));
      REQUIRE(!padded.error);
      CHECK(to_json_value(padded.message) == to_json_value(plain.message));
    }
  }

  TEST_CASE("token counts that are floats are counts") {
    const auto prompt_tokens = [](const char* wire, const char* body) {
      const Outcome outcome = decode(wire, false, body);
      REQUIRE_MESSAGE(!outcome.error, wire);
      return outcome.message.usage.prompt_tokens;
    };
    CHECK(prompt_tokens("openai-chat", R"({"choices":[{"message":{"content":"a"}}],
      "usage":{"prompt_tokens":12.0,"completion_tokens":1.0,"total_tokens":13.0}})") == 12);
    CHECK(prompt_tokens("openai-responses", R"({"id":"r","status":"completed","output":[],
      "usage":{"input_tokens":12.0,"output_tokens":1.0,"total_tokens":13.0}})") == 12);
    CHECK(prompt_tokens("anthropic-messages", R"({"type":"message","content":[],
      "usage":{"input_tokens":12.0,"output_tokens":1.0}})") == 12);
    CHECK(prompt_tokens("gemini-generate", R"({"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}],
      "usageMetadata":{"promptTokenCount":12.0,"totalTokenCount":13.0}})") == 12);
    CHECK(prompt_tokens("bedrock-converse", R"({"output":{"message":{"content":[]}},"stopReason":"end_turn",
      "usage":{"inputTokens":12.0,"outputTokens":1.0,"totalTokens":13.0}})") == 12);
    CHECK(prompt_tokens("cohere-chat", R"({"message":{"content":[]},"finish_reason":"COMPLETE",
      "usage":{"tokens":{"input_tokens":12.0,"output_tokens":1.0}}})") == 12);
    CHECK(prompt_tokens("ollama-chat", R"({"message":{"content":"a"},"done":true,"prompt_eval_count":12.0,
      "eval_count":1.0})") == 12);
  }
}
