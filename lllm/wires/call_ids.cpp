#include "lllm/wires/call_ids.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "lllm/base/hash.hpp"

namespace lllm {
namespace {

bool is_ours(const ToolCall& call) {
  return call.provider_id.value_or("").empty();
}

std::string renewed(const std::string& id, std::size_t count) {
  // The wire's prefix stays ("toolu_"), and the length.
  const auto prefix = id.find('_') + 1;  // 0 where there is none
  return id.substr(0, prefix) + sha256_hex(id + '\n' + std::to_string(count)).substr(0, id.size() - prefix);
}

void replace_id(json::value& state, std::string_view from, std::string_view to) {
  if (auto* list = state.if_array())
    for (auto& element : *list) replace_id(element, from, to);
  auto* object = state.if_object();
  if (object == nullptr) return;
  for (auto& [key, member] : *object) {
    const bool names_a_call = key == "id" || key == "call_id" || key == "toolUseId";
    if (names_a_call && member.is_string() && as_text(&member) == from)
      member = json::string(to);
    else
      replace_id(member, from, to);
  }
}

}  // namespace

void make_call_ids_unique(Message& reply, const Dialog& dialog) {
  if (std::none_of(reply.tool_calls.begin(), reply.tool_calls.end(), is_ours)) return;
  std::set<std::string, std::less<>> taken;
  for (const auto& message : dialog.messages())
    for (const auto& call : message->tool_calls) taken.insert(call.id);
  for (auto& call : reply.tool_calls) {
    if (!is_ours(call) || taken.insert(call.id).second) continue;
    std::string fresh = call.id;
    for (std::size_t count = 1; !taken.insert(fresh).second; ++count) fresh = renewed(call.id, count);
    if (reply.wire_state) {
      auto state = std::make_shared<WireState>(*reply.wire_state);
      replace_id(state->content, call.id, fresh);
      reply.wire_state = std::move(state);
    }
    call.id = std::move(fresh);
  }
}

}  // namespace lllm
