// Pieces of tool calls, on every wire that streams them: which call each belongs to, and how a handler
// relates what it was given to the finished reply.
#include <map>
#include <string>
#include <vector>

#include "lllm/formats/aws_frames.hpp"
#include "lllm/wires/model_args.hpp"
#include "tests/wires/wire_test.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

/// The calls as a handler puts them together that has nothing but the chunks.
std::vector<ToolCall> calls_of_chunks(const Codec& codec, std::string_view body) {
  std::map<std::size_t, ToolCall> calls;
  const auto framer = make_framer(codec.framing());
  const auto decoder = codec.stream_decoder(a_provider());
  framer->feed(body);
  std::vector<StreamChunk> chunks;
  for (StreamEvent event; framer->next(event).value();) {
    chunks.clear();
    REQUIRE(decoder->feed(event, chunks).has_value());
    for (const auto& chunk : chunks) {
      if (chunk.kind != ChunkKind::tool_call) continue;
      ToolCall& call = calls[chunk.tool_index];
      call.id = chunk.tool_id;
      call.name = chunk.tool_name;
      call.arguments += chunk.content;
    }
  }
  std::vector<ToolCall> in_order;
  for (auto& [index, call] : calls) {
    CHECK(index == in_order.size());
    in_order.push_back(std::move(call));
  }
  return in_order;
}

struct Expected {
  std::string id, name, arguments;  // the id as the provider gives it
};

void check_calls(const char* wire, const std::string& body, const std::vector<Expected>& expected) {
  CAPTURE(wire);
  const Codec& codec = *find_codec(wire);
  const auto streamed = stream(codec, {body});
  REQUIRE_MESSAGE(streamed.result.has_value(), streamed.result.error().to_string());
  const auto& calls = streamed.result->message.tool_calls;
  const auto seen = calls_of_chunks(codec, body);
  REQUIRE(calls.size() == expected.size());
  REQUIRE(seen.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(calls[i].provider_id.value_or("") == expected[i].id);
    CHECK(calls[i].id.empty() == false);
    CHECK(calls[i].name == expected[i].name);
    CHECK(calls[i].arguments == expected[i].arguments);
    CHECK(seen[i].id == expected[i].id);
    CHECK(seen[i].name == expected[i].name);
    CHECK(seen[i].arguments == expected[i].arguments);
  }
  check_cuts(codec, body);
}

std::string sse(std::string_view type, std::string_view members) {
  return "data: {\"type\":\"" + std::string(type) + "\"," + std::string(members) + "}\n\n";
}

std::string text(std::string_view words) {
  std::string quoted;
  append_json_string(quoted, words);
  return quoted;
}

// --- one delta of each wire; an id or a name that is empty is left out
// --------------------------------------

std::string chat(const std::string& index, const std::string& id, const std::string& name,
                 std::string_view arguments) {
  std::string call = index.empty() ? "" : "\"index\":" + index + ",";
  if (!id.empty()) call += "\"id\":" + text(id) + ",";
  call += "\"function\":{" + (name.empty() ? "" : "\"name\":" + text(name) + ",") +
          "\"arguments\":" + text(arguments) + "}";
  return "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{" + call + "}]}}]}\n\n";
}
const std::string chat_end =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

std::string item(const std::string& item_id, const std::string& id, const std::string& name,
                 std::string_view arguments) {
  return R"({"type":"function_call","id":")" + item_id + "\"," +
         (id.empty() ? "" : "\"call_id\":" + text(id) + ",") + "\"name\":" + text(name) +
         ",\"arguments\":" + text(arguments) + "}";
}
std::string responses_item(const char* event, int index, const std::string& whole) {
  return sse(event, "\"output_index\":" + std::to_string(index) + ",\"item\":" + whole);
}
std::string responses_delta(int index, const std::string& item_id, std::string_view arguments) {
  return sse("response.function_call_arguments.delta", "\"output_index\":" + std::to_string(index) +
                                                           ",\"item_id\":" + text(item_id) +
                                                           ",\"delta\":" + text(arguments));
}
std::string responses_end(const std::string& output) {
  return sse("response.completed", R"("response":{"id":"","status":"completed","output":[)" + output + "]}");
}

std::string anthropic_start(int index, const std::string& id, const std::string& name) {
  return sse("content_block_start", "\"index\":" + std::to_string(index) +
                                        R"(,"content_block":{"type":"tool_use",)" +
                                        (id.empty() ? "" : "\"id\":" + text(id) + ",") +
                                        "\"name\":" + text(name) + ",\"input\":{}}");
}
std::string anthropic_delta(int index, std::string_view arguments) {
  return sse("content_block_delta", "\"index\":" + std::to_string(index) +
                                        R"(,"delta":{"type":"input_json_delta","partial_json":)" +
                                        text(arguments) + "}");
}
const std::string anthropic_begin = sse("message_start", R"("message":{"id":"","content":[]})");
const std::string anthropic_end =
    sse("message_delta", R"("delta":{"stop_reason":"tool_use"})") + "data: {\"type\":\"message_stop\"}\n\n";

std::string frame(std::string_view type, std::string_view data) {
  std::string bytes;
  append_aws_event(bytes, type, data);
  return bytes;
}
std::string bedrock_start(int index, const std::string& id, const std::string& name) {
  return frame("contentBlockStart",
               "{\"contentBlockIndex\":" + std::to_string(index) + ",\"start\":{\"toolUse\":{" +
                   (id.empty() ? "" : "\"toolUseId\":" + text(id) + ",") + "\"name\":" + text(name) + "}}}");
}
std::string bedrock_delta(int index, std::string_view arguments) {
  return frame("contentBlockDelta", "{\"contentBlockIndex\":" + std::to_string(index) +
                                        ",\"delta\":{\"toolUse\":{\"input\":" + text(arguments) + "}}}");
}
const std::string bedrock_end =
    frame("messageStop", R"({"stopReason":"tool_use"})") + frame("metadata", "{}");

std::string cohere(const char* event, int index, const std::string& id, const std::string& name,
                   std::string_view arguments) {
  return sse(event, "\"index\":" + std::to_string(index) + ",\"delta\":{\"message\":{\"tool_calls\":{" +
                        (id.empty() ? "" : "\"id\":" + text(id) + ",") + "\"function\":{" +
                        (name.empty() ? "" : "\"name\":" + text(name) + ",") +
                        "\"arguments\":" + text(arguments) + "}}}}");
}
const std::string cohere_begin = sse("message-start", R"("id":"")");
const std::string cohere_end = sse("message-end", R"("delta":{"finish_reason":"TOOL_CALL"})");

const std::vector<Expected> two{{"a", "f", R"({"x":1})"}, {"b", "g", R"({"y":2})"}};

}  // namespace

TEST_SUITE("wires/tool_deltas") {
  TEST_CASE("fault 68: on every wire deltas that alternate between two calls are put together by index") {
    check_calls("openai-chat",
                chat("0", "a", "f", "{\"x\"") + chat("1", "b", "g", "{") + chat("0", "", "", ":1") +
                    chat("1", "", "", "\"y\":2") + chat("0", "", "", "}") + chat("1", "", "", "}") + chat_end,
                two);
    const std::string first = item("i1", "a", "f", R"({"x":1})");
    const std::string second = item("i2", "b", "g", R"({"y":2})");
    check_calls("openai-responses",
                responses_item("response.output_item.added", 0, item("i1", "a", "f", "")) +
                    responses_item("response.output_item.added", 1, item("i2", "b", "g", "")) +
                    responses_delta(0, "i1", "{\"x\"") + responses_delta(1, "i2", "{\"y\"") +
                    responses_delta(0, "i1", ":1}") + responses_delta(1, "i2", ":2}") +
                    responses_item("response.output_item.done", 0, first) +
                    responses_item("response.output_item.done", 1, second) +
                    responses_end(first + "," + second),
                two);
    check_calls("anthropic-messages",
                anthropic_begin + anthropic_start(0, "a", "f") + anthropic_delta(0, "{\"x\"") +
                    anthropic_start(1, "b", "g") + anthropic_delta(1, "{\"y\"") + anthropic_delta(0, ":1}") +
                    anthropic_delta(1, ":2}") + anthropic_end,
                two);
    check_calls("bedrock-converse",
                bedrock_start(0, "a", "f") + bedrock_delta(0, "{\"x\"") + bedrock_start(1, "b", "g") +
                    bedrock_delta(1, "{\"y\"") + bedrock_delta(0, ":1}") + bedrock_delta(1, ":2}") +
                    bedrock_end,
                two);
    check_calls(
        "cohere-chat",
        cohere_begin + cohere("tool-call-start", 0, "a", "f", "") +
            cohere("tool-call-start", 1, "b", "g", "") + cohere("tool-call-delta", 0, "", "", "{\"x\"") +
            cohere("tool-call-delta", 1, "", "", "{\"y\"") + cohere("tool-call-delta", 0, "", "", ":1}") +
            cohere("tool-call-delta", 1, "", "", ":2}") + cohere_end,
        two);
  }

  TEST_CASE("fault 68: calls that share one index are told apart by their ids, however they alternate") {
    for (const bool named : {false, true}) {  // some say the name with every delta
      CAPTURE(named);
      const std::string f = named ? "f" : "";
      const std::string g = named ? "g" : "";
      check_calls("openai-chat",
                  chat("0", "a", "f", "{\"x\"") + chat("0", "b", "g", "{\"y\"") + chat("0", "a", f, ":1") +
                      chat("0", "b", g, ":2") + chat("0", "a", f, "}") + chat("0", "b", g, "}") + chat_end,
                  two);
      check_calls("openai-chat",  // no index at all
                  chat("", "a", "f", "{\"x\"") + chat("", "b", "g", "{\"y\"") + chat("", "a", f, ":1}") +
                      chat("", "b", g, ":2}") + chat_end,
                  two);
      check_calls(
          "cohere-chat",
          cohere_begin + cohere("tool-call-start", 0, "a", "f", "") +
              cohere("tool-call-start", 0, "b", "g", "") + cohere("tool-call-delta", 0, "a", f, "{\"x\"") +
              cohere("tool-call-delta", 0, "b", g, "{\"y\"") + cohere("tool-call-delta", 0, "a", f, ":1}") +
              cohere("tool-call-delta", 0, "b", g, ":2}") + cohere_end,
          two);
    }
    // Without an id a delta goes on with the newest call of its index.
    check_calls("openai-chat",
                chat("0", "a", "f", "{\"x\":1}") + chat("0", "b", "g", "{\"y\"") + chat("0", "", "", ":2}") +
                    chat_end,
                two);
    // The last event may leave the output out.
    for (const bool said_again : {false, true}) {
      CAPTURE(said_again);
      const std::string first = item("i1", "a", "f", R"({"x":1})");
      const std::string second = item("i2", "b", "g", R"({"y":2})");
      check_calls("openai-responses",
                  responses_item("response.output_item.added", 0, item("i1", "a", "f", "")) +
                      responses_item("response.output_item.added", 0, item("i2", "b", "g", "")) +
                      responses_delta(0, "i1", "{\"x\"") + responses_delta(0, "i2", "{\"y\"") +
                      responses_delta(0, "i1", ":1}") + responses_delta(0, "i2", ":2}") +
                      responses_item("response.output_item.done", 0, first) +
                      responses_item("response.output_item.done", 0, second) +
                      responses_end(said_again ? first + "," + second : ""),
                  two);
    }
    // These wires name a call at its start alone.
    check_calls("anthropic-messages",
                anthropic_begin + anthropic_start(0, "a", "f") + anthropic_delta(0, "{\"x\":1}") +
                    anthropic_start(0, "b", "g") + anthropic_delta(0, "{\"y\"") + anthropic_delta(0, ":2}") +
                    anthropic_end,
                two);
    check_calls("bedrock-converse",
                bedrock_start(0, "a", "f") + bedrock_delta(0, "{\"x\":1}") + bedrock_start(0, "b", "g") +
                    bedrock_delta(0, "{\"y\"") + bedrock_delta(0, ":2}") + bedrock_end,
                two);
  }

  TEST_CASE("fault 69: on every wire the chunks of a call without an id are related to it by their index") {
    const std::vector<Expected> nameless{{"", "f", R"({"x":1})"}, {"", "g", R"({"y":2})"}};
    check_calls("openai-chat",
                chat("0", "", "f", "{\"x\"") + chat("1", "", "g", "{\"y\"") + chat("0", "", "", ":1}") +
                    chat("1", "", "", ":2}") + chat_end,
                nameless);
    const std::string first = item("i1", "", "f", R"({"x":1})");
    const std::string second = item("i2", "", "g", R"({"y":2})");
    check_calls("openai-responses",
                responses_item("response.output_item.added", 0, item("i1", "", "f", "")) +
                    responses_item("response.output_item.added", 1, item("i2", "", "g", "")) +
                    responses_delta(0, "i1", "{\"x\"") + responses_delta(1, "i2", "{\"y\"") +
                    responses_delta(0, "i1", ":1}") + responses_delta(1, "i2", ":2}") +
                    responses_end(first + "," + second),
                nameless);
    check_calls("anthropic-messages",
                anthropic_begin + anthropic_start(0, "", "f") + anthropic_start(1, "", "g") +
                    anthropic_delta(1, "{\"y\":2}") + anthropic_delta(0, "{\"x\":1}") + anthropic_end,
                nameless);
    check_calls(
        "gemini-generate",
        R"(data: {"candidates":[{"index":0,"content":{"parts":[)"
        R"({"functionCall":{"name":"f","args":{"x":1}}},{"functionCall":{"name":"g","args":{"y":2}}}]},)"
        R"("finishReason":"STOP"}]})"
        "\n\n",
        nameless);
    check_calls("bedrock-converse",
                bedrock_start(0, "", "f") + bedrock_delta(0, "{\"x\":1}") + bedrock_start(1, "", "g") +
                    bedrock_delta(1, "{\"y\":2}") + bedrock_end,
                nameless);
    check_calls("cohere-chat",
                cohere_begin + cohere("tool-call-start", 0, "", "f", "") +
                    cohere("tool-call-delta", 0, "", "", "{\"x\":1}") +
                    cohere("tool-call-start", 1, "", "g", "") +
                    cohere("tool-call-delta", 1, "", "", "{\"y\":2}") + cohere_end,
                nameless);
    check_calls("ollama-chat",
                R"({"message":{"tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},)"
                R"({"function":{"name":"g","arguments":{"y":2}}}]},"done":true})"
                "\n",
                nameless);
  }

  TEST_CASE("fault 69: an id that comes late is the call's, and an empty one after it takes nothing away") {
    check_calls("openai-chat",
                chat("0", "", "f", "{\"x\"") + chat("0", "a", "", ":1}") +
                    "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"\","
                    "\"function\":{\"arguments\":\"\"}}]}}]}\n\n" +
                    chat_end,
                {two[0]});
    check_calls("cohere-chat",
                cohere_begin + cohere("tool-call-start", 0, "", "f", "") +
                    cohere("tool-call-delta", 0, "a", "", "{\"x\":1}") +
                    "data: {\"type\":\"tool-call-delta\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":"
                    "{\"id\":\"\",\"function\":{\"arguments\":\"\"}}}}}\n\n" +
                    cohere_end,
                {two[0]});
  }

  TEST_CASE("fault 69: an answer that comes as a call of our own making takes no index") {
    const std::string answer(answer_tool);
    check_calls("openai-chat",
                chat("0", "s", answer, "{\"z\":3}") + chat("1", "a", "f", "{\"x\"") +
                    chat("2", "b", "g", "{\"y\"") + chat("1", "", "", ":1}") + chat("2", "", "", ":2}") +
                    chat_end,
                two);
    check_calls("anthropic-messages",
                anthropic_begin + anthropic_start(0, "s", answer) + anthropic_delta(0, "{\"z\":3}") +
                    anthropic_start(1, "a", "f") + anthropic_delta(1, "{\"x\":1}") +
                    anthropic_start(2, "b", "g") + anthropic_delta(2, "{\"y\":2}") + anthropic_end,
                two);
    check_calls("bedrock-converse",
                bedrock_start(0, "s", answer) + bedrock_delta(0, "{\"z\":3}") + bedrock_start(1, "a", "f") +
                    bedrock_delta(1, "{\"x\":1}") + bedrock_start(2, "b", "g") +
                    bedrock_delta(2, "{\"y\":2}") + bedrock_end,
                two);
    check_calls(
        "cohere-chat",
        cohere_begin + cohere("tool-call-start", 0, "s", answer, "") +
            cohere("tool-call-delta", 0, "", "", "{\"z\":3}") + cohere("tool-call-start", 1, "a", "f", "") +
            cohere("tool-call-delta", 1, "", "", "{\"x\":1}") + cohere("tool-call-start", 2, "b", "g", "") +
            cohere("tool-call-delta", 2, "", "", "{\"y\":2}") + cohere_end,
        two);
  }
}
