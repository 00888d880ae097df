#include "lllm/wires/claude.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace lllm {
namespace {

// The number that starts `text`, when it has one or two digits: a longer one is a date.
int short_number(std::string_view text) {
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  if (end == 0 || end > 2) return -1;
  int number = 0;
  std::from_chars(text.data(), text.data() + end, number);
  return number;
}

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr std::array<std::string_view, 12> bounds = {
    "minimum",   "maximum",  "exclusiveMinimum", "exclusiveMaximum", "multipleOf",    "minLength",
    "maxLength", "maxItems", "uniqueItems",      "minProperties",    "maxProperties", "pattern"};

bool is_bound(std::string_view key, const json::value& value) {
  if (key == "minItems") return as_integer(&value).value_or(0) > 1;
  return std::find(bounds.begin(), bounds.end(), key) != bounds.end();
}

}  // namespace

ClaudeTraits claude_traits(std::string_view model) {
  ClaudeTraits traits;
  auto at = model.find("claude");
  if (at == model.npos) return traits;
  for (; at < model.size(); ++at) {
    if (!is_digit(model[at]) || is_digit(model[at - 1])) continue;
    const int major = short_number(model.substr(at));
    if (major < 0) continue;
    traits.version = major * 100;
    const auto rest = model.substr(at + (major > 9 ? 2 : 1));
    if (!rest.empty() && (rest[0] == '-' || rest[0] == '.'))
      traits.version += std::max(0, short_number(rest.substr(1)));
    return traits;
  }
  traits.version = 999;  // a Claude without a number is a newer one than any we know
  return traits;
}

json::object claude_thinking(const ClaudeTraits& traits, std::string_view effort) {
  if (effort == "none" || effort == "disable") return {{"thinking", {{"type", "disabled"}}}};
  constexpr std::array<std::pair<std::string_view, int>, 6> budgets = {{{"minimal", 1024},
                                                                        {"low", 2048},
                                                                        {"medium", 8192},
                                                                        {"high", 16384},
                                                                        {"xhigh", 32768},
                                                                        {"max", 32768}}};
  const auto* known =
      std::find_if(budgets.begin(), budgets.end(), [&](const auto& entry) { return entry.first == effort; });
  if (known == budgets.end()) return {};
  if (!traits.adaptive_thinking())
    return {{"thinking", {{"type", "enabled"}, {"budget_tokens", known->second}}}};
  if (effort == "minimal") effort = "low";
  if (effort == "xhigh" && traits.version < 407) effort = "max";
  json::object thinking{{"type", "adaptive"}};
  // From Opus 4.7 on the text of thoughts is left out unless it is asked for.
  if (traits.version >= 407) thinking["display"] = "summarized";
  return {{"thinking", std::move(thinking)}, {"output_config", {{"effort", json::string(effort)}}}};
}

json::value portable_schema(const json::value& schema) {
  if (const auto* list = schema.if_array()) {
    json::array copy;
    for (const auto& element : *list) copy.push_back(portable_schema(element));
    return copy;
  }
  const auto* object = schema.if_object();
  if (object == nullptr) return schema;

  json::object copy;
  std::string notes;
  for (const auto& [key, value] : *object) {
    if (key == "$schema" || key == "title" || key == "default" || key == "examples") continue;
    if (is_bound(key, value)) {
      notes += notes.empty() ? "" : ", ";
      notes += std::string(key) + ": ";
      append_json(notes, value);
    } else if (key == "properties" || key == "$defs" || key == "definitions") {
      json::object members;  // their keys are names, not keywords
      if (value.is_object())
        for (const auto& [name, member] : value.get_object()) members[name] = portable_schema(member);
      copy[key] = std::move(members);
    } else if (key == "enum" || key == "const" || key == "required") {
      copy[key] = value;
    } else {
      copy[key] = portable_schema(value);
    }
  }
  if (as_text(find(copy, "type")) == "object" || copy.contains("properties"))
    copy["additionalProperties"] = false;
  if (!notes.empty()) {
    std::string description(as_text(find(copy, "description")));
    description += (description.empty() ? "{" : " {") + notes + "}";
    copy["description"] = json::string(description);
  }
  return copy;
}

bool is_closed_schema(const json::value& schema) {
  if (const auto* list = schema.if_array()) return std::all_of(list->begin(), list->end(), is_closed_schema);
  const auto* object = schema.if_object();
  if (object == nullptr) return true;
  const auto* more = find(*object, "additionalProperties");
  if (more != nullptr && (more->is_object() || as_boolean(more).value_or(false))) return false;
  if (text_at(schema, "type") == "object" && find(*object, "properties") == nullptr) return false;
  return std::all_of(object->begin(), object->end(), [](const auto& member) {
    // A property may be called "additionalProperties"; its schema is what counts.
    if (member.key() != "properties" && member.key() != "$defs" && member.key() != "definitions")
      return is_closed_schema(member.value());
    const auto* members = member.value().if_object();
    return members == nullptr || std::all_of(members->begin(), members->end(), [](const auto& property) {
             return is_closed_schema(property.value());
           });
  });
}

}  // namespace lllm
