#pragma once

#include <string_view>

#include "lllm/base/json.hpp"

namespace lllm {

/// Adds a delta's member to what came before: lists grow, objects merge, strings that arrive in pieces (text,
/// summary, data, transcript, thinking, content) are joined, everything else is replaced by the last value
/// that says something.
void merge_delta(json::object& into, std::string_view key, const json::value& delta);

/// Adds an element to a list: to the one of the same `index` (and `type`), else at the end.
void merge_delta(json::array& into, const json::value& delta);

}  // namespace lllm
