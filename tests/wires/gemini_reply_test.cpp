#include "tests/wires/gemini_wire.hpp"

#include <limits>

using namespace lllm;
using namespace lllm::test::gemini_wire;

TEST_SUITE("wires/gemini_reply") {
  TEST_CASE("fault 77: a blocked prompt without candidates is a refusal, streamed or not") {
    const std::string body =
        R"({"promptFeedback":{"blockReason":"PROHIBITED_CONTENT","blockReasonMessage":"no"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4},"modelVersion":"g"})";
    for (const auto& result : {decode(body), play("data: " + body + "\r\n\r\n", 3).result}) {
      REQUIRE(result.has_value());
      CHECK(result->message.text().empty());
      REQUIRE(result->message.parts.size() == 1);
      CHECK(std::holds_alternative<RefusalPart>(result->message.parts[0]));
      CHECK(as_text(find(result->message.metadata, "finish_detail")) == "PROHIBITED_CONTENT");
      CHECK(as_text(find(result->message.metadata, "finish_message")) == "no");
      CHECK(result->message.usage.prompt_tokens == 4);
    }
    const auto safety = decode(R"({"candidates":[{"finishReason":"SAFETY","index":0}]})");
    REQUIRE(safety.has_value());
    CHECK(safety->message.finish_reason == "SAFETY");
    CHECK(std::holds_alternative<RefusalPart>(safety->message.parts.at(0)));
  }

  TEST_CASE("fault 69: calls without ids get stable ones that never go back") {
    const char* body =
        R"({"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"weather","args":{"city":"Bern"}},"thoughtSignature":"QUJD"},{"functionCall":{"name":"weather"}}]},"finishReason":"STOP"}],"responseId":"r"})";
    const auto first = decode(body);
    const auto again = decode(body);
    REQUIRE(first.has_value());
    const auto& calls = first->message.tool_calls;
    REQUIRE(calls.size() == 2);
    CHECK_FALSE(calls[0].id.empty());
    CHECK(calls[0].id != calls[1].id);
    CHECK(calls[0].id == again->message.tool_calls[0].id);
    CHECK_FALSE(calls[0].provider_id.has_value());
    CHECK(calls[1].parsed_arguments()->empty());

    Dialog dialog;
    dialog.put_text("Weather?");
    dialog.append(first->message);
    dialog.put_tool_result(calls[0].id, "weather", R"({"degrees":20})");
    dialog.put_tool_result(calls[1].id, "weather", "no such city", true);
    const auto encoded = encode(dialog, "gemini-2.5-pro");
    CHECK(
        at(encoded, "/contents/1") ==
        R"({"role":"model","parts":[{"functionCall":{"name":"weather","args":{"city":"Bern"}},"thoughtSignature":"QUJD"},{"functionCall":{"name":"weather"}}]})");
    // All results of a step stand in one content.
    CHECK(
        at(encoded, "/contents/2") ==
        R"({"role":"user","parts":[{"functionResponse":{"name":"weather","response":{"degrees":20}}},{"functionResponse":{"name":"weather","response":{"error":"no such city"}}}]})");
    CHECK(encoded.request.body.find(calls[0].id) == std::string::npos);
  }

  TEST_CASE("an id that the provider gives goes back with the result") {
    const auto result = decode(
        R"({"candidates":[{"content":{"parts":[{"functionCall":{"id":"c7","name":"weather","args":{}}}]},"finishReason":"STOP"}]})");
    REQUIRE(result.has_value());
    CHECK(result->message.tool_calls[0].id == "c7");
    Dialog dialog;
    dialog.append(result->message);
    dialog.put_tool_result("c7", "", "fine");
    CHECK(at(encode(dialog, "gemini-3-pro-preview"), "/contents/1/parts/0") ==
          R"({"functionResponse":{"id":"c7","name":"weather","response":{"output":"fine"}}})");
  }

  TEST_CASE("fault 75: unknown parts and members are skipped and kept; further candidates are not ours") {
    const auto result = decode(
        R"({"candidates":[{"content":{"parts":[{"hologram":{"x":1}},{"text":"a"},{"executableCode":{"code":"1"}},{"codeExecutionResult":{"output":"1"}},{"text":"b"}]},"finishReason":"NEW_REASON","surprise":true},{"index":1,"content":{"parts":[{"text":"other"}]},"finishReason":"STOP"}],"fresh":{}})");
    REQUIRE(result.has_value());
    CHECK(result->message.text() == "ab");
    CHECK(result->message.finish_reason == "NEW_REASON");
    CHECK(result->message.tool_calls.empty());
    CHECK(find_at(result->raw_response(), "/candidates/0/surprise") != nullptr);
    CHECK(to_json(result->message.metadata.at("server_tools")) == R"(["code_execution"])");
    CHECK(array_at(json::value{{"parts", result->message.wire_state->content}}, "parts") != nullptr);
    CHECK(find_at(result->message.wire_state->content, "/0/hologram/x") != nullptr);
  }

  TEST_CASE("fault 78: absurd counts do not overflow") {
    const auto result = decode(
        R"({"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9223372036854775807,"toolUsePromptTokenCount":9,"candidatesTokenCount":-5,"thoughtsTokenCount":2.0,"totalTokenCount":1e300}})");
    REQUIRE(result.has_value());
    CHECK(result->message.usage.prompt_tokens == std::numeric_limits<std::int64_t>::max());
    CHECK(result->message.usage.completion_tokens == 2);
    CHECK(result->message.usage.total_tokens == std::numeric_limits<std::int64_t>::max());
  }

  TEST_CASE("a picture in the answer is a media part") {
    const auto result = decode(
        R"({"candidates":[{"content":{"parts":[{"text":"see:"},{"inlineData":{"mimeType":"image/png","data":"QUJD"}}]},"finishReason":"STOP"}]})");
    REQUIRE(result.has_value());
    CHECK(result->message.modality() == Modality::image);
    CHECK(std::get<MediaPart>(result->message.parts.at(1)).data() == "QUJD");
  }

  TEST_CASE("log probabilities are read") {
    const auto result = decode(
        R"({"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP","logprobsResult":{"chosenCandidates":[{"token":"Hi","logProbability":-0.5}],"topCandidates":[{"candidates":[{"token":"Hi","logProbability":-0.5},{"token":"Yo","logProbability":-2}]}]}}]})");
    REQUIRE(result.has_value());
    REQUIRE(result->message.logprobs.size() == 1);
    CHECK(result->message.logprobs[0].logprob == -0.5);
    CHECK(result->message.logprobs[0].top.size() == 2);
  }

  TEST_CASE("errors: before, inside a stream, and inside a list") {
    const std::string overloaded =
        R"({"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}})";
    CHECK(codec().decode_error(503, overloaded).kind() == ErrorKind::overloaded);
    CHECK(codec().decode_error(503, overloaded).provider_type() == "UNAVAILABLE");
    CHECK(codec().decode_error(503, "[" + overloaded + "]").provider_text() == "The model is overloaded.");
    const auto played = play(
        std::string(text_stream.substr(0, text_stream.rfind("data: "))) + "data: " + overloaded + "\r\n\r\n",
        10);
    REQUIRE(played.result.has_error());
    CHECK(played.result.error().kind() == ErrorKind::overloaded);
    CHECK(played.partial.text() == "Grüße 😀");
    CHECK(decode(overloaded).error().kind() == ErrorKind::overloaded);
  }

  TEST_CASE("a wrong key is an authentication error, though Google answers 400") {
    const auto error = codec().decode_error(
        400,
        R"({"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}})");
    CHECK(error.kind() == ErrorKind::authentication);
    CHECK(error.status() == 400);
    CHECK(error.provider_type() == "INVALID_ARGUMENT");
  }

  TEST_CASE("fault 59: Google's retryDelay in the body is honoured") {
    const auto error = codec().decode_error(
        429,
        R"({"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17.5s"}]}})");
    CHECK(error.kind() == ErrorKind::rate_limited);
    CHECK(error.retry_after() == std::chrono::milliseconds(17'500));
  }

  TEST_CASE("fault 57, 66: what is no reply is an error; a list of events is an answer") {
    CHECK(decode("<html>").error().kind() == ErrorKind::bad_reply);
    CHECK(decode("{}").error().kind() == ErrorKind::bad_reply);
    CHECK(decode("[]").error().kind() == ErrorKind::bad_reply);
    CHECK(play("data: nonsense\n\n", 3).result.error().kind() == ErrorKind::bad_reply);
    const auto list = decode(
        R"([{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}])");
    REQUIRE(list.has_value());
    CHECK(list->message.text() == "ab");
  }
}
