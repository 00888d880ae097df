// Every recorded answer of Gemini, appended to a dialog and encoded as the next turn.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lllm/wires/gemini.hpp"
#include "lllm/wires/providers.hpp"
#include "tests/recordings/replay.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

// The opaque values and the kinds of the parts that carry them, in order.
std::vector<std::string> signed_parts(const json::value& value) {
  std::vector<std::string> found;
  if (const auto* list = value.if_array())
    for (const auto& element : *list)
      for (auto& one : signed_parts(element)) found.push_back(std::move(one));
  if (const auto* object = value.if_object()) {
    if (const auto signature = text_at(value, "thoughtSignature"); !signature.empty()) {
      std::string kinds;
      for (const char* kind : {"text", "functionCall", "executableCode", "toolCall", "toolResponse"})
        if (object->contains(kind)) kinds += kind;
      found.push_back(kinds + " " + std::string(signature));
    } else {
      for (const auto& [key, member] : *object)
        for (auto& one : signed_parts(member)) found.push_back(std::move(one));
    }
  }
  return found;
}

json::value sent_events(const Recording& recording) {
  if (!recording.streaming) return parse_json(recording.body).value();
  json::array events;
  std::string_view rest = recording.body;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.starts_with("data:"))
      if (auto event = parse_json(line.substr(5))) events.push_back(std::move(*event));
  }
  return events;
}

}  // namespace

TEST_SUITE("wires/gemini") {
  TEST_CASE("every recorded thought signature goes back unchanged, in order, on its part") {
    LLLM_NEEDS_SHARED();
    std::size_t signatures = 0;
    for (const auto& file : recording_files(shared_dir() / "recordings/gemini-generate")) {
      const Recording recording = load_recording(file);
      if (recording.status >= 400) continue;
      CAPTURE(recording.id);
      const Outcome outcome = decode_offline(recording, Cut::whole);
      REQUIRE_FALSE(outcome.error.has_value());
      Dialog dialog;
      dialog.put_text("question");
      dialog.append(outcome.message);
      for (const auto& call : outcome.message.tool_calls) dialog.put_tool_result(call.id, call.name, "done");
      const CallOptions options;
      const auto request = gemini_codec().encode(
          {dialog, *find_provider("gemini"), "gemini-3-pro-preview", options, {}, {}, false});
      REQUIRE(request.has_value());
      const auto body = parse_json(request->body);
      REQUIRE(body.has_value());
      const auto expected = signed_parts(sent_events(recording));
      CHECK(signed_parts(*body) == expected);
      signatures += expected.size();
      // Each call is answered, in the order of the calls.
      std::size_t answered = 0;
      if (const auto* parts = as_array(find_at(*body, "/contents/2/parts")))
        for (const auto& part : *parts)
          if (const auto* response = find(part, "functionResponse"))
            CHECK(text_at(*response, "name") == outcome.message.tool_calls.at(answered++).name);
      CHECK(answered == outcome.message.tool_calls.size());
    }
    CHECK(signatures > 200);
  }
}
