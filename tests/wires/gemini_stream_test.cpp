#include "tests/wires/gemini_wire.hpp"

using namespace lllm;
using namespace lllm::test::gemini_wire;

TEST_SUITE("wires/gemini_stream") {
  TEST_CASE("a CRLF stream without [DONE], cut at any byte, gives the same reply") {
    for (std::size_t cut = 0; cut <= text_stream.size(); ++cut) {
      CAPTURE(cut);
      const auto played = play(text_stream, cut);
      REQUIRE(played.result.has_value());
      const Message& message = played.result->message;
      REQUIRE(message.text() == "Grüße 😀");
      REQUIRE(message.reasoning() == "think");
      REQUIRE(played.text == message.text());
      REQUIRE(played.text_chunks == 2);
      REQUIRE(message.finish_reason == "STOP");
    }
    CHECK(play(text_stream, 1, 1).result->message.text() == "Grüße 😀");
  }

  TEST_CASE("usage has OpenAI's meaning: thoughts in the completion, tool use in the prompt") {
    const auto usage = play(text_stream, 100).result->message.usage;
    CHECK(usage.prompt_tokens == 16);
    CHECK(usage.completion_tokens == 10);
    CHECK(usage.reasoning_tokens == 3);
    CHECK(usage.cached_prompt_tokens == 2);
    CHECK(usage.total_tokens == 26);
  }

  TEST_CASE("fault 51: a stream without a finish reason is an error that carries what came") {
    const auto cut = text_stream.substr(0, text_stream.rfind("data: "));
    const auto played = play(cut, 10);
    REQUIRE(played.result.has_error());
    CHECK(played.result.error().kind() == ErrorKind::incomplete_reply);
    CHECK(played.partial.text() == "Grüße 😀");
    CHECK(play(std::string(cut) + "data: [DONE]\n\n", 10).result.has_value());
  }

  TEST_CASE("signatures go back unchanged, on empty text parts too; signed words are not joined") {
    const auto played = play(text_stream, 33);
    Dialog dialog;
    dialog.put_text("hi");
    dialog.append(played.result->message);
    CHECK(at(encode(dialog, "gemini-3-flash-preview"), "/contents/1/parts") ==
          "[{\"text\":\"think\",\"thought\":true},{\"text\":\"Grüße "
          "😀\"},{\"text\":\"\",\"thoughtSignature\":\"c2ln\"}]");
    // … and survive being written down.
    const auto copy = Dialog::from_json(dialog.to_json());
    REQUIRE(copy.has_value());
    CHECK(encode(*copy, "gemini-3-flash-preview").request.body ==
          encode(dialog, "gemini-3-flash-preview").request.body);
  }

  TEST_CASE("streamed arguments are assembled by their paths, several calls in a row") {
    const std::string stream =
        "data: "
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"weather\",\"willContinue\":"
        "true},\"thoughtSignature\":\"QQ==\"}]}}]}\n\n"
        "data: "
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$."
        "city\",\"stringValue\":\"Be\",\"willContinue\":true}],\"willContinue\":true}}]}}]}\n\n"
        "data: "
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$."
        "city\",\"stringValue\":\"rn\"}],\"willContinue\":true}}]}}]}\n\n"
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{}}]}}]}\n\n"
        "data: "
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"weather\",\"partialArgs\":[{"
        "\"jsonPath\":\"$.days[0]\",\"numberValue\":2}],\"willContinue\":true}}]}}]}\n\n"
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"STOP\"}]}\n\n";
    for (const auto& played : {play(stream, 50), play(stream, 1, 1)}) {
      REQUIRE(played.result.has_value());
      const auto& calls = played.result->message.tool_calls;
      REQUIRE(calls.size() == 2);
      CHECK(calls[0].arguments == R"({"city":"Bern"})");
      CHECK(calls[1].arguments == R"({"days":[2]})");
      CHECK(
          to_json(played.result->message.wire_state->content) ==
          R"([{"functionCall":{"name":"weather","args":{"city":"Bern"}},"thoughtSignature":"QQ=="},{"functionCall":{"name":"weather","args":{"days":[2]}}}])");
    }
  }

  TEST_CASE("a streamed and an unstreamed reply are equal") {
    const auto streamed = play(text_stream, 40).result;
    const auto whole = decode(to_json(streamed->raw_response()));
    REQUIRE(whole.has_value());
    CHECK(to_json(to_json_value(whole->message)) == to_json(to_json_value(streamed->message)));
    CHECK(whole->message.text() == "Grüße 😀");
  }
}
