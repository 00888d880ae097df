// What recorded answers leave in a dialog goes back to the provider unchanged and in an order it accepts.
#include <set>
#include <string>

#include "tests/recordings/replay.hpp"
#include "tests/support/skip.hpp"
#include "tests/wires/wire_test.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

// Strings that mean something to the provider only: they must come back as they were.
void collect_opaque(const json::value& value, std::set<std::string>& found) {
  if (const auto* list = value.if_array())
    for (const auto& element : *list) collect_opaque(element, found);
  const auto* object = value.if_object();
  if (object == nullptr) return;
  const bool redacted = text_at(value, "type") == "redacted_thinking";
  for (const auto& [key, member] : *object) {
    const bool opaque = key == "signature" || key == "encrypted_content" || key == "encrypted_index" ||
                        key == "redactedContent" || (redacted && key == "data");
    if (opaque && member.is_string() && !member.get_string().empty()) found.emplace(as_text(&member));
    collect_opaque(member, found);
  }
}

// Ids of the calls in a message that was encoded, and of the results in it; empty for other blocks.
void collect_ids(const json::value& message, std::vector<std::string>& calls,
                 std::vector<std::string>& results) {
  const auto add = [](std::vector<std::string>& to, std::string_view id) { to.emplace_back(id); };
  if (const auto* list = array_at(message, "tool_calls"))  // cohere
    for (const auto& call : *list) add(calls, text_at(call, "id"));
  if (const auto id = text_at(message, "tool_call_id"); !id.empty()) add(results, id);
  const auto* content = array_at(message, "content");
  if (content == nullptr) return;
  for (const auto& block : *content) {
    if (text_at(block, "type") == "tool_use") add(calls, text_at(block, "id"));
    if (text_at(block, "type") == "tool_result") add(results, text_at(block, "tool_use_id"));
    if (const auto* use = find(block, "toolUse"); use && text_at(*use, "type") != "server_tool_use")
      add(calls, text_at(*use, "toolUseId"));
    if (const auto* result = find(block, "toolResult"); result && find(*result, "type") == nullptr)
      add(results, text_at(*result, "toolUseId"));
  }
}

}  // namespace

TEST_SUITE("wires/next_turn") {
  TEST_CASE(
      "every recorded answer can be appended and sent back: opaque values unchanged, results behind calls") {
    LLLM_NEEDS_SHARED();
    const std::set<std::string> wires{"anthropic-messages", "bedrock-converse", "cohere-chat"};
    std::size_t answers = 0;
    std::size_t opaque_values = 0;
    for (const auto& file : recording_files(shared_dir() / "recordings")) {
      const Recording recording = load_recording(file);
      if (!wires.contains(recording.wire) || recording.status != 200) continue;
      const Codec* codec = find_codec(recording.wire);
      REQUIRE(codec != nullptr);
      const Outcome outcome = decode_offline(recording, Cut::whole);
      if (outcome.error) continue;
      CAPTURE(recording.id);
      ++answers;

      Dialog dialog;
      dialog.put_text("Question").append(outcome.message);
      for (const auto& call : outcome.message.tool_calls)
        dialog.put_tool_result(call.id, call.name, "Result");
      dialog.put_text("Next question");
      const auto request = Call(dialog, "us.anthropic.claude-sonnet-4-5").encode(*codec);
      REQUIRE(request.has_value());

      std::set<std::string> opaque;
      collect_opaque(outcome.raw, opaque);
      opaque_values += opaque.size();
      for (const auto& value : opaque) CHECK(request->body.find(value) != std::string::npos);

      const auto body = js(request->body);
      std::vector<std::string> calls, results;
      std::string_view before;
      for (const auto& message : body.at("messages").as_array()) {
        if (recording.wire != "cohere-chat") CHECK(text_at(message, "role") != before);
        before = text_at(message, "role");
        const auto known = calls.size();
        collect_ids(message, calls, results);
        CHECK(results.size() <= known);  // nothing is answered before it was asked
      }
      CHECK(calls == results);
      CHECK(calls.size() == outcome.message.tool_calls.size());
    }
    CHECK(answers > 300);
    CHECK(opaque_values > 50);
  }
}
