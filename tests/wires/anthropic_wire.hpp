#pragma once

#include <string>

#include "lllm/wires/anthropic.hpp"
#include "tests/wires/wire_test.hpp"

// What the tests of this wire share.
namespace lllm::test::anthropic_wire {

inline const Codec& codec() {
  return anthropic_codec();
}

inline std::string event(std::string_view data) {
  const auto type = std::string(text_at(js(data), "type"));
  return "event: " + type + "\ndata: " + std::string(data) + "\n\n";
}

inline std::string start(std::string_view usage = R"({"input_tokens":5,"output_tokens":1})") {
  return event(R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",)"
               R"("model":"claude-x","content":[],"stop_reason":null,"usage":)" +
               std::string(usage) + "}}");
}
inline std::string block(int index, std::string_view content) {
  return event(R"({"type":"content_block_start","index":)" + std::to_string(index) + R"(,"content_block":)" +
               std::string(content) + "}");
}
inline std::string delta(int index, std::string_view content) {
  return event(R"({"type":"content_block_delta","index":)" + std::to_string(index) + R"(,"delta":)" +
               std::string(content) + "}   ");
}
inline std::string stop(int index) {
  return event(R"({"type":"content_block_stop","index":)" + std::to_string(index) + "  }");
}
inline std::string end(std::string_view reason = "end_turn",
                       std::string_view usage = R"({"output_tokens":9})") {
  return event(R"({"type":"message_delta","delta":{"stop_reason":")" + std::string(reason) +
               R"(","stop_sequence":null},"usage":)" + std::string(usage) + "}") +
         event(R"({"type":"message_stop"   })");
}

// Thinking, words and two tool calls, with all that a real stream holds besides.
inline std::string long_stream() {
  return start() + block(0, R"({"type":"thinking","thinking":"","signature":""})") +
         event(R"({"type":"ping"})") + delta(0, R"({"type":"thinking_delta","thinking":"Let me \u00fc"})") +
         delta(0, R"({"type":"signature_delta","signature":"SIG=="})") + stop(0) +
         block(1, R"({"type":"redacted_thinking","data":"OPAQUE"})") + stop(1) +
         block(2, R"({"type":"text","text":""})") + delta(2, R"({"type":"text_delta","text":"Gr\u00fc"})") +
         delta(2, R"({"type":"text_delta","text":"ße"})") + stop(2) +
         block(3, R"({"type":"tool_use","id":"toolu_1","name":"weather","input":{}})") +
         delta(3, R"({"type":"input_json_delta","partial_json":""})") +
         delta(3, R"({"type":"input_json_delta","partial_json":"{\"city\": \"M\\u00"})") +
         delta(3, R"({"type":"input_json_delta","partial_json":"fcnchen\"}"})") + stop(3) +
         block(4, R"({"type":"tool_use","id":"toolu_2","name":"time","input":{}})") + stop(4) +
         end("tool_use", R"({"output_tokens":20,"output_tokens_details":{"thinking_tokens":7}})");
}

inline constexpr std::string_view long_reply =
    R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[)"
    R"({"type":"thinking","thinking":"Let me ü","signature":"SIG=="},{"type":"redacted_thinking","data":"OPAQUE"},)"
    R"({"type":"text","text":"Grüße"},{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"München"}},)"
    R"({"type":"tool_use","id":"toolu_2","name":"time","input":{}}],"stop_reason":"tool_use","stop_sequence":null,)"
    R"("usage":{"input_tokens":5,"output_tokens":20,"output_tokens_details":{"thinking_tokens":7}}})";

inline Result<InvokeResult> decode(std::string_view body) {
  return codec().decode(a_provider(), body);
}

// The messages of the request that follows when `reply` is appended and its calls are answered.
inline json::value next_turn(const Message& reply) {
  Dialog dialog = asked();
  dialog.append(reply);
  for (const auto& call : reply.tool_calls) dialog.put_tool_result(call.id, call.name, "done");
  dialog.put_text("Go on");
  return *find(Call(dialog, "claude-sonnet-4-5").body(codec()), "messages");
}

}  // namespace lllm::test::anthropic_wire
