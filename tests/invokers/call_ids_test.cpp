// Ids of tool calls over the turns of a dialog, where the provider names neither its replies nor its calls.
#include <doctest/doctest.h>

#include <functional>
#include <set>

#include "tests/invokers/wire_world.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

/// A world for each wire, streamed and not, in which every answer is one call without an id.
void on_every_wire(bool novelty,
                   const std::function<void(WireWorld&, const WireRow&, bool streamed)>& check) {
  for (const auto& row : wire_rows)
    for (const bool streamed : {false, true}) {
      CAPTURE(row.wire);
      CAPTURE(streamed);
      WireWorld world(row);
      Says says;
      says.call = R"({"x":1})";
      says.novelty = novelty;
      world.says(made_answer(row.wire, says), streamed);
      check(world, row, streamed);
    }
}

}  // namespace

TEST_SUITE("invokers/call_ids") {
  TEST_CASE(
      "fault 69: equal replies without ids have calls of their own in a dialog, on every wire, each turn") {
    // They name no call on the way back, but tell calls and results apart by their order.
    const std::set<std::string_view> without_ids{"gemini-generate", "ollama-chat"};
    // Some wires keep replies with something new in them as they came, ids and all.
    on_every_wire(true, [&](WireWorld& world, const WireRow& row, bool streamed) {
      Dialog dialog = question();
      std::set<std::string> ids;
      std::string first;
      for (std::size_t turn = 1; turn <= 4; ++turn) {
        Recorder sink;
        const InvokeResult reply = world.call(dialog, streamed ? &sink : nullptr);
        REQUIRE(reply.message.tool_calls.size() == 1);
        const ToolCall& call = reply.message.tool_calls[0];
        CHECK(call.provider_id.value_or("").empty());
        ids.insert(call.id);
        CHECK(ids.size() == turn);
        if (turn == 1) first = call.id;
        dialog.append(reply.message);
        dialog.put_tool_result(call.id, call.name, "Seen.");
      }
      // What is known already keeps its id; the same dialog asked again gets the same answer.
      Recorder sink;
      BaseStreamHandler* const handler = streamed ? &sink : nullptr;
      CHECK(world.call(question(), handler).message.tool_calls[0].id == first);
      world.call(dialog, handler);
      const std::string& sent = world.requests.back().body;
      for (const auto& id : ids)
        CHECK_MESSAGE(count_of(sent, '"' + id + '"') == (without_ids.contains(row.wire) ? 0 : 2), sent);
    });
  }

  TEST_CASE("fault 69: ids that the provider gives are kept, also where they repeat") {
    WireWorld world(wire_rows[0]);
    world.body =
        R"({"choices":[{"index":0,"finish_reason":"tool_calls","message":{"tool_calls":[{"id":"call_0",)"
        R"("function":{"name":"look","arguments":"{}"}}]}}]})";
    Dialog dialog = question();
    for (int turn = 0; turn < 2; ++turn) {
      const InvokeResult reply = world.call(dialog);
      CHECK(reply.message.tool_calls.at(0).id == "call_0");
      dialog.append(reply.message);
      dialog.put_tool_result("call_0", "look", "Seen.");
    }
  }

  TEST_CASE("fault 69: a whole answer where a stream was asked for tells its calls as a stream would") {
    struct Ids final : BaseStreamHandler {
      std::string ids = "?";
      asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override { return {}; }
      asio::awaitable<void> handle_tool_call(const StreamChunk& chunk) override {
        ids = std::to_string(chunk.tool_index) + ':' + std::string(chunk.tool_id);
        return {};
      }
    };
    on_every_wire(false, [](WireWorld& world, const WireRow&, bool) {
      Ids sink;
      world.call(question(), &sink);
      CHECK(sink.ids == "0:");
    });
  }
}
