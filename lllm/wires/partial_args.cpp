#include "lllm/wires/partial_args.hpp"

#include <charconv>
#include <optional>
#include <variant>
#include <vector>

namespace lllm {
namespace {

using Step = std::variant<std::string, std::size_t>;

// An index from outside decides about memory.
constexpr std::size_t largest_index = 10'000;

std::optional<Step> bracket_step(std::string_view inside) {
  if (inside.size() >= 2 && (inside.front() == '\'' || inside.front() == '"') &&
      inside.back() == inside.front())
    return Step(std::string(inside.substr(1, inside.size() - 2)));
  std::size_t index = 0;
  const auto [end, failure] = std::from_chars(inside.data(), inside.data() + inside.size(), index);
  if (failure != std::errc() || end != inside.data() + inside.size() || index > largest_index)
    return std::nullopt;
  return Step(index);
}

/// "$.a.b[0]['c d']" (RFC 9535, names and indexes only). Empty for anything else.
std::vector<Step> steps_of(std::string_view path) {
  std::vector<Step> steps;
  if (!path.starts_with('$')) return {};
  path.remove_prefix(1);
  while (!path.empty() && steps.size() < max_json_depth) {
    if (path[0] == '.') {
      path.remove_prefix(1);
      const auto end = std::min(path.find_first_of(".["), path.size());
      if (end == 0) return {};
      steps.emplace_back(std::string(path.substr(0, end)));
      path.remove_prefix(end);
    } else if (path[0] == '[') {
      // A quoted name may hold a bracket.
      const char quote = path.size() > 1 ? path[1] : '\0';
      const bool quoted = quote == '\'' || quote == '"';
      const auto last = quoted ? path.find(std::string(1, quote) + "]", 2) : path.find(']');
      if (last == path.npos) return {};
      const std::size_t close = quoted ? last + 1 : last;
      auto step = bracket_step(path.substr(1, close - 1));
      if (!step) return {};
      steps.push_back(std::move(*step));
      path.remove_prefix(close + 1);
    } else {
      return {};
    }
  }
  return path.empty() ? steps : std::vector<Step>();
}

json::value& descend(json::value& from, const Step& step) {
  if (const auto* name = std::get_if<std::string>(&step)) {
    if (!from.is_object()) from = json::object();
    return from.get_object()[*name];
  }
  const std::size_t index = std::get<std::size_t>(step);
  if (!from.is_array()) from = json::array();
  auto& array = from.get_array();
  if (array.size() <= index) array.resize(index + 1);
  return array[index];
}

}  // namespace

void PartialArgs::add(const json::value& piece) {
  const auto path = text_at(piece, "jsonPath");
  const auto steps = steps_of(path);
  if (steps.empty()) return;
  const bool continued = open_path_ == path;
  open_path_ = as_boolean(find(piece, "willContinue")).value_or(false) ? std::string(path) : std::string();

  json::value* at = &value_;
  for (const auto& step : steps) at = &descend(*at, step);
  if (const auto* text = find(piece, "stringValue"); text != nullptr && text->is_string()) {
    if (continued && at->is_string())
      at->get_string() += text->get_string();
    else
      *at = *text;
  } else if (const auto* number = find(piece, "numberValue"); number != nullptr && number->is_number()) {
    *at = *number;
  } else if (const auto* boolean = find(piece, "boolValue"); boolean != nullptr && boolean->is_bool()) {
    *at = *boolean;
  } else if (find(piece, "nullValue") != nullptr) {
    *at = nullptr;
  }
}

}  // namespace lllm
