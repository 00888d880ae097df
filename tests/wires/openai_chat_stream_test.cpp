#include "tests/wires/openai_chat_wire.hpp"

using namespace lllm;
using namespace lllm::test::chat_wire;
using test::decode;
using test::Outcome;

TEST_SUITE("wires/openai_chat_stream") {
  TEST_CASE("the codec contract") {
    const std::string head = events({
        R"({"id":"r1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})",
        R"({"id":"r1","model":"m","new_field":{"a":[1]},"choices":[{"index":0,"delta":{"content":"Gr\u00fc"},"odd":true}]})",
        R"({"id":"r1","model":"m","choices":[{"index":0,"delta":{"content":"ße \ud83d\ude00\n"}}]})",
        R"({"id":"r1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}}]})",
        R"({"id":"r1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}}]})",
        R"({"id":"r1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})",
    });
    const std::string stream =
        ": hello\r\n\r\n" + head +
        events(
            {R"({"id":"r1","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}})",
             "[DONE]"});
    const std::string unstreamed =
        R"({"id":"r1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Grüße 😀\n","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7},"new_field":{"a":[1]}})";
    test::codec_contract(wire, {stream, "Grüße 😀\n", unstreamed, head});
  }

  TEST_CASE("fault 51: [DONE] after a null finish reason is complete; nothing at the end is not") {
    CHECK(!streamed({delta(R"({"content":"a"})")}).error);
    const Outcome early = decode(wire, true, events({delta(R"({"content":"half an ans"})")}));
    REQUIRE(early.error);
    CHECK(early.error->kind() == ErrorKind::incomplete_reply);
    CHECK(early.message.text() == "half an ans");
  }

  TEST_CASE("a server that leaves [DONE] out is understood once finish reason and usage are there") {
    const Outcome outcome = decode(
        wire, true,
        events(
            {R"({"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}})"}));
    CHECK(!outcome.error);
  }

  TEST_CASE("fault 52: data after [DONE] is ignored") {
    const Outcome outcome = decode(
        wire, true, events({delta(R"({"content":"a"})"), "[DONE]", delta(R"({"content":"b"})"), "no JSON"}));
    REQUIRE(!outcome.error);
    CHECK(outcome.message.text() == "a");
  }

  TEST_CASE("fault 53: an error inside a stream is that error, with what had come") {
    SUBCASE("as an event of type error (Groq)") {
      const Outcome outcome =
          decode(wire, true,
                 events({delta(R"({"content":"so far"})")}) +
                     "event: error\ndata: {\"error\":{\"message\":\"Tool call validation "
                     "failed\",\"type\":\"invalid_request_error\","
                     "\"code\":\"tool_use_failed\",\"failed_generation\":\"{}\",\"status_code\":400}}\n\n");
      REQUIRE(outcome.error);
      CHECK(outcome.error->kind() == ErrorKind::invalid_request);
      CHECK(outcome.error->provider_code() == "tool_use_failed");
      CHECK(outcome.message.text() == "so far");
    }
    SUBCASE("inside a chunk, with usage (OpenRouter)") {
      const Outcome outcome = streamed(
          {delta(R"({"content":"so far"})"),
           R"({"error":{"code":429,"message":"Slow down"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})"});
      REQUIRE(outcome.error);
      CHECK(outcome.error->kind() == ErrorKind::rate_limited);
      CHECK(outcome.error->provider_code() == "429");
      CHECK(outcome.message.usage.prompt_tokens == 3);
    }
  }

  TEST_CASE("fault 54: garbage in an event is a broken protocol") {
    const Outcome outcome = streamed({delta(R"({"content":"a"})"), R"({"choices":[{"index":0,"del)"});
    REQUIRE(outcome.error);
    CHECK(outcome.error->kind() == ErrorKind::bad_reply);
    CHECK(outcome.message.text() == "a");
  }

  TEST_CASE("fault 68: interleaved tool calls are put together by index, and by id where the index repeats") {
    const Outcome by_index = streamed({
        delta(
            R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}},{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}]})"),
        delta(R"({"tool_calls":[{"index":1,"function":{"arguments":"}"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"id":"","function":{"name":"","arguments":":1}"}}]})"),
    });
    REQUIRE(by_index.message.tool_calls.size() == 2);
    CHECK(by_index.message.tool_calls[0] == [] {
      ToolCall c("a", "f", "{\"x\":1}");
      c.provider_id = "a";
      return c;
    }());
    CHECK(by_index.message.tool_calls[1].arguments == "{}");

    const Outcome by_id = streamed({
        delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"id":"b","function":{"name":"f","arguments":"{\"y\":2}"}}]})"),
    });
    REQUIRE(by_id.message.tool_calls.size() == 2);
    CHECK(by_id.message.tool_calls[1].id == "b");
    CHECK(by_id.message.tool_calls[1].arguments == "{\"y\":2}");

    const Outcome no_index = streamed({
        delta(R"({"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]})"),
        delta(R"({"tool_calls":[{"function":{"arguments":"}"}}]})"),
        delta(R"({"tool_calls":[{"id":"b","function":{"name":"g","arguments":null}}]})"),
    });
    REQUIRE(no_index.message.tool_calls.size() == 2);
    CHECK(no_index.message.tool_calls[0].arguments == "{}");
    CHECK(no_index.message.tool_calls[1].name == "g");
    CHECK(no_index.message.tool_calls[1].parsed_arguments().value().empty());

    const Outcome new_id_per_delta = streamed({
        delta(R"({"tool_calls":[{"index":0,"id":"a1","function":{"name":"f","arguments":"{"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"id":"a2","function":{"arguments":"}"}}]})"),
    });
    REQUIRE(new_id_per_delta.message.tool_calls.size() == 1);
    CHECK(new_id_per_delta.message.tool_calls[0].id == "a1");
  }

  TEST_CASE(
      "ids and names that come late, twice or empty, and arguments that are null, missing or an object") {
    const Outcome late_name = streamed({
        delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"arguments":""}}]})"),
        delta(R"({"tool_calls":[{"index":0,"id":"","function":{"name":"f","arguments":null}}]})"),
        delta(R"({"tool_calls":[{"index":0,"id":"","function":{"name":"","arguments":"{}"}}]})"),
    });
    REQUIRE(late_name.message.tool_calls.size() == 1);
    CHECK(late_name.message.tool_calls[0].id == "a");
    CHECK(late_name.message.tool_calls[0].name == "f");
    CHECK(late_name.message.tool_calls[0].arguments == "{}");
    const Message odd = whole(
        R"({"tool_calls":[{"id":"a","function":{"name":"f","arguments":null}},{"id":"b","function":{"name":"f"}},
            {"id":"c","function":{"name":"f","arguments":{"x":1}}},{"id":"d","function":null},null,7]})");
    REQUIRE(odd.tool_calls.size() == 4);
    CHECK(odd.tool_calls[0].parsed_arguments().value().empty());
    CHECK(odd.tool_calls[1].parsed_arguments().value().empty());
    CHECK(odd.tool_calls[2].parsed_arguments().value().size() == 1);
  }

  TEST_CASE("fault 71: an escape sequence that is split across argument deltas stays intact") {
    const Outcome outcome = streamed({
        delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":\"a\\"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"nb\\u00"}}]})"),
        delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"fc\"}"}}]})"),
    });
    CHECK(text_at(outcome.message.tool_calls.at(0).parsed_arguments().value(), "x") == "a\nbü");
  }

  TEST_CASE("fault 73: chunks without choices are tolerated") {
    const Outcome outcome =
        streamed({R"({"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]})",
                  delta(R"({"content":"a"})"), R"({"id":"r1","choices":null})"});
    REQUIRE(!outcome.error);
    CHECK(outcome.message.text() == "a");
    CHECK(find(outcome.raw, "prompt_filter_results") != nullptr);
  }

  TEST_CASE("fault 76: cumulative usage is not summed") {
    const Outcome outcome =
        streamed({R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}})",
                  R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}})"});
    CHECK(outcome.message.usage.completion_tokens == 9);
    CHECK(outcome.message.usage.total_tokens == 14);
  }

  TEST_CASE("reasoning_details are put together and go back unchanged with the next turn") {
    const Outcome outcome = streamed({
        delta(
            R"({"reasoning_details":[{"type":"reasoning.text","text":"","signature":"","format":"f","index":0}]})"),
        delta(R"({"reasoning":"Hm","reasoning_details":[{"type":"reasoning.text","text":"Hm","index":0}]})"),
        delta(R"({"reasoning_details":[{"type":"reasoning.text","signature":"SIG","index":0}]})"),
        delta(R"({"content":"4"})"),
    });
    const json::value sent = message_of(outcome.message, whoever_answered());
    CHECK(sent.at("reasoning_details") ==
          parse_json(R"([{"type":"reasoning.text","text":"Hm","signature":"SIG","format":"f","index":0}])")
              .value());
    CHECK(sent.at("content") == "4");
    CHECK(message_of(outcome.message, *find_provider("openai")) ==
          parse_json(R"({"role":"assistant","content":"4"})").value());
  }
}
