#include "tests/wires/anthropic_wire.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace lllm::test::anthropic_wire;

TEST_SUITE("wires/anthropic_stream") {
  TEST_CASE("a streamed reply equals the unstreamed one") {
    const auto streamed = stream(codec(), {long_stream()});
    const auto whole = decode(long_reply);
    CHECK(comparable(streamed.result) == comparable(whole));
    CHECK(streamed.text == "Grüße");
    CHECK(streamed.result->raw_response() == whole->raw_response());
    const auto& message = whole->message;
    CHECK(message.reasoning() == "Let me ü");
    CHECK(message.tool_calls.at(0).arguments == R"({"city":"München"})");
    CHECK(message.usage.reasoning_tokens == 7);
    CHECK(message.usage.total_tokens == 25);
    CHECK(message.model == "claude-x");
  }

  TEST_CASE("a stream cut at any byte gives the same reply and the same chunks") {
    check_cuts(codec(), long_stream());
  }

  TEST_CASE("fault 51: a stream without message_stop is incomplete and carries what came") {
    check_truncation(codec(), long_stream());
    const auto body = long_stream();
    const auto part = stream(codec(), {std::string_view(body).substr(0, body.find("message_delta"))});
    REQUIRE(part.result.has_error());
    REQUIRE(part.result.error().partial());
    CHECK(part.result.error().partial()->text() == "Grüße");
    CHECK(part.result.error().partial()->tool_calls.size() == 2);
  }

  TEST_CASE("fault 52: what follows message_stop is ignored") {
    const auto streamed = stream(codec(), {long_stream() + "event: x\ndata: {broken\n\n"});
    CHECK(comparable(streamed.result) == comparable(decode(long_reply)));
  }

  TEST_CASE("fault 53: an error event ends the stream as the error it is, with the partial text") {
    const auto body = start() + block(0, R"({"type":"text","text":""})") +
                      delta(0, R"({"type":"text_delta","text":"half"})") +
                      event(R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})");
    const auto streamed = stream(codec(), {body});
    REQUIRE(streamed.result.has_error());
    CHECK(streamed.result.error().kind() == ErrorKind::overloaded);
    CHECK(streamed.result.error().provider_type() == "overloaded_error");
    CHECK(streamed.result.error().provider_text() == "Overloaded");
    REQUIRE(streamed.result.error().partial());
    CHECK(streamed.result.error().partial()->text() == "half");
  }

  TEST_CASE("fault 54: garbage in an event is a broken protocol, in deltas and elsewhere") {
    for (const char* garbage :
         {R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a)", "{nonsense",
          "[1,2"}) {
      CAPTURE(garbage);
      const auto streamed =
          stream(codec(), {start() + "event: content_block_delta\ndata: " + std::string(garbage) + "\n\n"});
      REQUIRE(streamed.result.has_error());
      CHECK(streamed.result.error().kind() == ErrorKind::bad_reply);
    }
  }

  TEST_CASE("fault 68: interleaved deltas of two calls are put together by their index") {
    const auto body = start() + block(0, R"({"type":"tool_use","id":"a","name":"x","input":{}})") +
                      block(1, R"({"type":"tool_use","id":"b","name":"y","input":{}})") +
                      delta(0, R"({"type":"input_json_delta","partial_json":"{\"p\":"})") +
                      delta(1, R"({"type":"input_json_delta","partial_json":"{\"q\":"})") +
                      delta(0, R"({"type":"input_json_delta","partial_json":"1}"})") +
                      delta(1, R"({"type":"input_json_delta","partial_json":"2}"})") + end("tool_use");
    const auto streamed = stream(codec(), {body});
    REQUIRE(streamed.result.has_value());
    CHECK(streamed.result->message.tool_calls.at(0).arguments == R"({"p":1})");
    CHECK(streamed.result->message.tool_calls.at(1).arguments == R"({"q":2})");
  }

  TEST_CASE("fault 70: malformed arguments are kept as written and the history stays sendable") {
    const auto streamed =
        stream(codec(),
               {start() + block(0, R"({"type":"tool_use","id":"a","name":"x","input":{}})") +
                delta(0, R"({"type":"input_json_delta","partial_json":"{\"p\": tru"})") + end("max_tokens")});
    REQUIRE(streamed.result.has_value());
    const auto& call = streamed.result->message.tool_calls.at(0);
    CHECK(call.arguments == R"({"p": tru)");
    CHECK(call.parsed_arguments().has_error());
    CHECK(next_turn(streamed.result->message).at(1).at("content").at(0).at("input") ==
          js(R"({"invalid_json":"{\"p\": tru"})"));
  }

  TEST_CASE("fault 75: unknown blocks, deltas and events are kept and fail nothing") {
    const auto body = start() + event(R"({"type":"novelty","x":1})") +
                      block(0, R"({"type":"compaction","content":"so "})") +
                      delta(0, R"({"type":"compaction_delta","content":"far"})") + stop(0) +
                      block(1, R"({"type":"text","text":"ok"})") + end();
    const auto streamed = stream(codec(), {body});
    REQUIRE(streamed.result.has_value());
    CHECK(streamed.result->message.text() == "ok");
    CHECK(streamed.result->raw_response().at("content").at(0) ==
          js(R"({"type":"compaction","content":"so far"})"));
    CHECK(next_turn(streamed.result->message).at(1).at("content").at(0).at("type") == "compaction");
  }

  TEST_CASE("fault 76: usage grows in message_delta and a second message_start counts nothing twice") {
    const auto body = start(R"({"input_tokens":5,"cache_read_input_tokens":3,"output_tokens":1})") +
                      start(R"({"input_tokens":5,"cache_read_input_tokens":3,"output_tokens":1})") +
                      block(0, R"({"type":"text","text":"ok"})") +
                      end("end_turn", R"({"input_tokens":50,"cache_read_input_tokens":null,"output_tokens":9,
                                          "iterations":[{"input_tokens":45}]})");
    // One line per data field: SSE knows no line breaks inside one.
    std::string flat = body;
    for (std::size_t at; (at = flat.find("9,\n")) != flat.npos;)
      flat.erase(at + 2, flat.find('"', at) - at - 2);
    const auto streamed = stream(codec(), {flat});
    REQUIRE(streamed.result.has_value());
    const auto& usage = streamed.result->message.usage;
    CHECK(usage.prompt_tokens == 53);
    CHECK(usage.cached_prompt_tokens == 3);
    CHECK(usage.completion_tokens == 9);
    CHECK(usage.total_tokens == 62);
  }
}
