// Bytes that should not be there, from the provider's socket to the sink and into the next request.
#include <doctest/doctest.h>

#include "lllm/base/text.hpp"
#include "tests/invokers/wire_world.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

const std::string bom = "\xEF\xBB\xBF";
const std::string replacement = "\xEF\xBF\xBD";

Dialog followed_by(Dialog dialog, const Message& reply) {
  dialog.append(reply);
  for (const auto& call : reply.tool_calls) dialog.put_tool_result(call.id, call.name, "Seen.");
  dialog.put_text("And now?");
  return dialog;
}

/// One call, and a second one that takes its answer along: what the sink and the second request saw.
void round_trip(const WireRow& row, bool streamed, const Says& says, const std::string& words,
                const std::string& arguments) {
  CAPTURE(row.wire);
  CAPTURE(streamed);
  WireWorld world(row);
  world.says(made_answer(row.wire, says), streamed);
  Recorder sink;
  const InvokeResult reply = world.call(question(), streamed ? &sink : nullptr);
  CHECK(reply.message.text() == words);
  REQUIRE(reply.message.tool_calls.size() == 1);
  const auto understood = reply.message.tool_calls[0].parsed_arguments();
  REQUIRE(understood.has_value());
  CHECK(text_at(*understood, "x") == arguments);
  CHECK(reply.execution_errors.empty());
  if (streamed) {
    CHECK(sink.text == words);
    CHECK(sink.arguments == reply.message.tool_calls[0].arguments);
  }
  CHECK(is_utf8(to_json(reply.raw_response())));
  CHECK(message_from_json(to_json_value(reply.message)).value().text() == words);

  world.call(followed_by(question(), reply.message), streamed ? &sink : nullptr);
  const std::string& sent = world.requests.back().body;
  CHECK(is_utf8(sent));
  REQUIRE(parse_json(sent).has_value());
  std::string quoted;
  append_json_string(quoted, words);
  CHECK_MESSAGE(sent.find(quoted) != std::string::npos, sent);
  CHECK(sent.find('\0') == std::string::npos);
  CHECK(sent.find(arguments) != std::string::npos);
}

}  // namespace

TEST_SUITE("invokers/odd_bytes") {
  TEST_CASE(
      "fault 48: bytes that are no UTF-8 come to sink, result and next request as U+FFFD, on every wire") {
    for (const auto& row : wire_rows)
      for (const bool streamed : {false, true}) {
        Says says;
        says.words = "\"a\xFF\xC3(b\xED\xA0\x80 \xF0\x9F\x98z\"";
        says.call = "{\"x\":\"y\xFEz\"}";
        round_trip(row, streamed, says,
                   "a" + replacement + replacement + "(b" + replacement + replacement + replacement + " " +
                       replacement + replacement + replacement + "z",
                   "y" + replacement + "z");
      }
  }

  TEST_CASE("fault 48: half a surrogate pair is no character either, on every wire, and a whole one is") {
    for (const auto& row : wire_rows)
      for (const bool streamed : {false, true}) {
        Says says;
        says.words = R"("a\ud83d\ude00 \ud800b\udc00\\ud800 \ud83d")";
        says.call = R"({"x":"ok"})";
        round_trip(row, streamed, says,
                   "a\xF0\x9F\x98\x80 " + replacement + "b" + replacement + "\\ud800 " + replacement, "ok");
      }
  }

  TEST_CASE("fault 49: an escaped NUL is kept in sink, result and next request, on every wire") {
    for (const auto& row : wire_rows)
      for (const bool streamed : {false, true}) {
        Says says;
        says.words = R"("one\u0000two")";
        says.call = R"({"x":"ok"})";
        round_trip(row, streamed, says, std::string("one\0two", 7), "ok");
      }
  }

  TEST_CASE("fault 49: a bare NUL is kept by SSE, no JSON has one, and the reply is broken, not cut short") {
    for (const auto& row : wire_rows) {
      CAPTURE(row.wire);
      WireWorld world(row);
      Says says;
      says.words = "\"one" + std::string(1, '\0') + "two\"";
      for (const bool streamed : {false, true}) {
        CAPTURE(streamed);
        world.says(made_answer(row.wire, says), streamed);
        Recorder sink;
        const Error error = world.failure(question(), streamed ? &sink : nullptr);
        CHECK(error.kind() == ErrorKind::bad_reply);
        CHECK(error.attempts() == 1);
        CHECK(sink.text.empty());
        CHECK(sink.finishes == 0);
      }
    }
  }

  TEST_CASE("fault 44: one BOM before an answer is dropped, streamed or whole; those inside are text") {
    for (const auto& row : wire_rows) {
      CAPTURE(row.wire);
      if (row.wire == "bedrock-converse") continue;  // frames have no text's beginning
      for (const bool streamed : {false, true}) {
        CAPTURE(streamed);
        WireWorld world(row);
        Says says;
        says.words = "\"a" + bom + "b\"";
        world.says(made_answer(row.wire, says), streamed);
        world.body.insert(0, bom);
        Recorder sink;
        const InvokeResult reply = world.call(question(), streamed ? &sink : nullptr);
        CHECK(reply.message.text() == "a" + bom + "b");
        if (streamed) CHECK(sink.text == "a" + bom + "b");
        Recorder next;
        world.call(followed_by(question(), reply.message), streamed ? &next : nullptr);
        CHECK(world.requests.back().body.find("a" + bom + "b") != std::string::npos);
      }
    }
    // A refusal of a server that writes one.
    WireWorld world(wire_rows[0]);
    world.status = 400;
    world.body = bom + R"({"error":{"message":"No.","type":"invalid_request_error","code":"c"}})";
    const Error error = world.failure(question());
    CHECK(error.provider_text() == "No.");
    CHECK(error.provider_code() == "c");
  }

  TEST_CASE("fault 44: a second BOM makes its line no field: that event is not dispatched, the others are") {
    WireWorld world(wire_rows[0]);
    world.says(Made{"", bom + bom + chat_delta("lost ") + chat_delta("one") + bom + chat_delta("lost") +
                            chat_delta(" two") + chat_end},
               true);
    Recorder sink;
    CHECK(world.call(question(), &sink).message.text() == "one two");
    CHECK(sink.text == "one two");
  }

  TEST_CASE(
      "fault 52: what follows the end mark reaches neither sink nor result, and the connection serves on") {
    for (const auto& row : wire_rows) {
      CAPTURE(row.wire);
      WireWorld world(row);
      world.says(made_answer(row.wire, {}), true);
      world.body += more_words(row.wire);
      for (int i = 0; i < 2; ++i) {
        Recorder sink;
        const InvokeResult reply = world.call(question(), &sink);
        CHECK(sink.text == "ok");
        CHECK(sink.arguments.empty());
        CHECK(sink.finishes == 1);
        CHECK(reply.message.text() == "ok");
        CHECK(reply.message.tool_calls.empty());
        CHECK(reply.attempts.size() == 1);
      }
      CHECK(world.server.connections() == 1);
    }
  }
}
