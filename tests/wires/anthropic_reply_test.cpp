#include "tests/wires/anthropic_wire.hpp"

#include <limits>

using namespace lllm;
using namespace lllm::test;
using namespace lllm::test::anthropic_wire;

TEST_SUITE("wires/anthropic_reply") {
  TEST_CASE("fault 66: an error body inside a 200 is an error") {
    const auto reply = decode(
        R"({"type":"error","error":{"type":"rate_limit_error","message":"slow"},"request_id":"req_1"})");
    REQUIRE(reply.has_error());
    CHECK(reply.error().kind() == ErrorKind::rate_limited);
    CHECK(reply.error().request_id() == "req_1");
    CHECK(decode("{}").error().kind() == ErrorKind::bad_reply);
    CHECK(decode("<html>").error().kind() == ErrorKind::bad_reply);
  }

  TEST_CASE("fault 69: a missing call id is synthesised, stable, and goes out with its result") {
    const auto body =
        R"({"id":"msg_9","type":"message","content":[{"type":"tool_use","name":"x","input":{}}]})";
    const auto first = decode(body);
    const auto second = decode(body);
    REQUIRE(first.has_value());
    CHECK_FALSE(first->message.tool_calls.at(0).id.empty());
    CHECK(first->message.tool_calls.at(0).id == second->message.tool_calls.at(0).id);
    const auto messages = next_turn(first->message);
    CHECK(messages.at(1).at("content").at(0).at("id") ==
          messages.at(2).at("content").at(0).at("tool_use_id"));
  }

  TEST_CASE("fault 78: absurd counts saturate") {
    const auto reply = decode(R"({"content":[],"usage":{"input_tokens":9223372036854775807,
      "cache_read_input_tokens":9e99,"output_tokens":-5}})");
    REQUIRE(reply.has_value());
    CHECK(reply->message.usage.prompt_tokens == std::numeric_limits<std::int64_t>::max());
    CHECK(reply->message.usage.completion_tokens == 0);
  }

  TEST_CASE("a refusal has empty content, says why, and is not sent back as an empty message") {
    const auto reply = decode(R"({"type":"message","content":[],"stop_reason":"refusal",
      "stop_details":{"type":"refusal","category":"cyber"}})");
    REQUIRE(reply.has_value());
    CHECK(reply->message.finish_reason == "refusal");
    CHECK(reply->message.text().empty());
    CHECK(reply->message.metadata.at("stop_details").at("category") == "cyber");
    CHECK(next_turn(reply->message) ==
          js(R"([{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"text","text":"Go on"}]}])"));
  }

  TEST_CASE("signed, redacted and empty thinking comes back verbatim and in its place") {
    const auto content = js(R"([{"type":"thinking","thinking":"","signature":"EMPTYBUTSIGNED"},
      {"type":"redacted_thinking","data":"OPAQUE+/="},{"type":"text","text":"I look."},
      {"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Bonn"}}])");
    const auto reply = decode(R"({"type":"message","content":)" + to_json(content) + "}");
    REQUIRE(reply.has_value());
    const auto messages = next_turn(reply->message);
    CHECK(messages.at(1).at("content") == content);
    CHECK(messages.at(2).at("content").at(0).at("type") == "tool_result");
    // Through JSON, as a stored dialog goes.
    const auto stored = message_from_json(to_json_value(reply->message));
    CHECK(next_turn(*stored).at(1).at("content") == content);
  }

  TEST_CASE("server-side tools and citations come back as they were and are no tool calls of ours") {
    const auto content =
        js(R"([{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"q"}},
      {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result",
        "encrypted_content":"ENC","title":"t","url":"u"}]},
      {"type":"text","text":"So.","citations":[{"type":"web_search_result_location","encrypted_index":"IDX"}]},
      {"type":"mcp_tool_use","id":"m1","name":"ask","server_name":"wiki","input":{}}])");
    const auto reply = decode(R"({"type":"message","content":)" + to_json(content) + "}");
    REQUIRE(reply.has_value());
    CHECK(reply->message.tool_calls.empty());
    CHECK(reply->message.citations.size() == 1);
    CHECK(next_turn(reply->message).at(1).at("content") == content);
  }
}
