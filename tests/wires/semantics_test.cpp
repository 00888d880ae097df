// What providers leave out, repeat or invent, on every wire, streamed and whole.
#include <functional>
#include <string>

#include "tests/support/codec_contract.hpp"
#include "tests/support/made_answers.hpp"
#include "tests/wires/wire_test.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

/// Both ways of reading one answer, which must say the same.
void both(const WireRow& row, const Says& says, const std::function<void(const Outcome&)>& check) {
  const Made made = made_answer(row.wire, says);
  for (const bool streamed : {false, true}) {
    CAPTURE(row.wire);
    CAPTURE(streamed);
    const Outcome outcome = decode(std::string(row.wire), streamed, streamed ? made.stream : made.whole);
    REQUIRE_MESSAGE(!outcome.error, (outcome.error ? outcome.error->to_string() : std::string()));
    check(outcome);
  }
}

}  // namespace

TEST_SUITE("wires/semantics") {
  TEST_CASE("fault 52: on every wire nothing behind the end mark counts, in one piece or byte by byte") {
    for (const auto& row : wire_rows) {
      CAPTURE(row.wire);
      const std::string whole = made_answer(row.wire, {}).stream;
      const Outcome plain = decode(std::string(row.wire), true, whole);
      for (const std::string& more : {more_words(row.wire), std::string("no event, no frame, no JSON")}) {
        // What is no AWS frame at all is a broken connection, wherever it stands.
        if (row.wire == "bedrock-converse" && more.starts_with("no ")) continue;
        for (const Cut cut : {Cut::whole, Cut::bytes}) {
          const Outcome outcome = decode(std::string(row.wire), true, whole + more, cut);
          REQUIRE_MESSAGE(!outcome.error, (outcome.error ? outcome.error->to_string() : std::string()));
          CHECK(to_json_value(outcome.message) == to_json_value(plain.message));
          CHECK(outcome.text_chunks == 1);
        }
      }
    }
  }

  TEST_CASE("fault 72: on every wire null words are no words, beside a call or alone") {
    for (const auto& row : wire_rows)
      for (const char* call : {"", R"({"x":1})"}) {
        Says nothing;
        nothing.words = "null";
        nothing.call = call;
        both(row, nothing, [&](const Outcome& outcome) {
          CHECK(outcome.message.text().empty());
          CHECK(outcome.message.tool_calls.size() == (*call == '\0' ? 0 : 1));
          CHECK(outcome.message.finish_reason == "end");
        });
      }
    // The list of blocks itself.
    const auto text_of = [](const char* wire, const char* body) {
      CAPTURE(wire);
      const Outcome outcome = decode(wire, false, body);
      REQUIRE_MESSAGE(!outcome.error, (outcome.error ? outcome.error->to_string() : std::string()));
      return outcome.message.text();
    };
    CHECK(text_of("openai-responses", R"({"status":"completed","output":null})").empty());
    CHECK(
        text_of("openai-responses", R"({"status":"completed","output":[{"type":"message","content":null}]})")
            .empty());
    CHECK(text_of("anthropic-messages", R"({"type":"message","content":null,"stop_reason":"end_turn"})")
              .empty());
    CHECK(text_of("gemini-generate", R"({"candidates":[{"content":null,"finishReason":"STOP"}]})").empty());
    CHECK(text_of("gemini-generate", R"({"candidates":[{"content":{"parts":null},"finishReason":"STOP"}]})")
              .empty());
    CHECK(text_of("bedrock-converse", R"({"output":{"message":{"content":null}},"stopReason":"end_turn"})")
              .empty());
    CHECK(text_of("cohere-chat", R"({"message":{"content":null},"finish_reason":"COMPLETE"})").empty());
  }

  TEST_CASE(
      "fault 74: on every wire an unknown finish reason is kept, and an empty or missing one no error") {
    for (const auto& row : wire_rows)
      for (const char* finish : {"\"NOVEL_REASON\"", "\"\"", "null", ""}) {
        CAPTURE(finish);
        Says says;
        says.finish = finish;
        both(row, says, [&](const Outcome& outcome) {
          CHECK(outcome.message.text() == "ok");
          CHECK(outcome.message.finish_reason == (std::string_view(finish).size() > 4 ? "NOVEL_REASON" : ""));
          CHECK(outcome.message.refusal().empty());
        });
      }
  }

  TEST_CASE(
      "fault 75: on every wire unknown events, blocks and members are skipped, and kept in the raw answer") {
    for (const auto& row : wire_rows) {
      Says says;
      says.novelty = true;
      both(row, says, [&](const Outcome& outcome) {
        CHECK(outcome.message.text() == "ok");
        CHECK(outcome.message.tool_calls.empty());
        CHECK(outcome.message.usage.total_tokens == 8);
        CHECK_MESSAGE(to_json(outcome.raw).find(novelty_mark) != std::string::npos, to_json(outcome.raw));
      });
      CAPTURE(row.wire);
      const Outcome streamed = decode(std::string(row.wire), true, made_answer(row.wire, says).stream);
      CHECK_MESSAGE(to_json(streamed.raw).find(novel_event_mark) != std::string::npos, to_json(streamed.raw));
    }
  }

  TEST_CASE("fault 76: on every wire usage that comes twice or grows is counted once") {
    for (const auto& row : wire_rows) {
      Says says;
      says.usage_twice = true;
      both(row, says, [&](const Outcome& outcome) {
        CHECK(outcome.message.usage.prompt_tokens == 5);
        CHECK(outcome.message.usage.completion_tokens == 3);
        CHECK(outcome.message.usage.total_tokens == 8);
      });
    }
  }
}
