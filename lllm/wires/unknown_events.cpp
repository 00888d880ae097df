#include "lllm/wires/unknown_events.hpp"

#include <cstddef>
#include <utility>

#include "lllm/wires/reply_json.hpp"

namespace lllm {
namespace {

/// A heartbeat of a new name may come for hours.
constexpr std::size_t most_events = 1000;

}  // namespace

void UnknownEvents::keep(std::string_view type, std::string_view data) {
  if (events_.size() >= most_events) return;
  auto event = parse_reply(data);
  if (!event) {
    events_.push_back(json::object{{"type", json::string(type)}, {"data", json::string(data)}});
    return;
  }
  if (auto* members = event->if_object(); members != nullptr && !type.empty())
    members->emplace("type", json::string(type));
  events_.push_back(std::move(*event));
}

void UnknownEvents::add_to(json::object& reply) const {
  if (!events_.empty()) reply["unknown_events"] = events_;
}

}  // namespace lllm
