#include "lllm/wires/json_merge.hpp"

#include <algorithm>
#include <array>

namespace lllm {
namespace {

// Strings that arrive in pieces; all others arrive whole.
constexpr std::array<std::string_view, 6> pieces{"text",       "summary",  "data",
                                                 "transcript", "thinking", "content"};

}  // namespace

void merge_delta(json::array& into, const json::value& delta) {
  const auto index = integer_at(delta, "index");
  if (index && delta.is_object())
    for (auto& element : into)
      if (integer_at(element, "index") == index &&
          (find(delta, "type") == nullptr || text_at(delta, "type") == text_at(element, "type"))) {
        for (const auto& [key, value] : delta.get_object()) merge_delta(element.get_object(), key, value);
        return;
      }
  into.push_back(delta);
}

void merge_delta(json::object& into, std::string_view key, const json::value& delta) {
  json::value* const there = into.if_contains(key);
  if (there == nullptr || there->is_null()) {
    into[key] = delta;
  } else if (delta.is_null()) {
    return;
  } else if (there->is_string() && delta.is_string()) {
    if (std::find(pieces.begin(), pieces.end(), key) != pieces.end())
      there->get_string() += delta.get_string();
    else if (!delta.get_string().empty())
      *there = delta;
  } else if (there->is_array() && delta.is_array()) {
    for (const auto& element : delta.get_array()) merge_delta(there->get_array(), element);
  } else if (there->is_object() && delta.is_object()) {
    for (const auto& [inner, value] : delta.get_object()) merge_delta(there->get_object(), inner, value);
  } else {
    *there = delta;
  }
}

}  // namespace lllm
