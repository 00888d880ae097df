#include "lllm/wires/structured_output.hpp"

#include <algorithm>

#include "lllm/core/message.hpp"

namespace lllm {
namespace {

bool may_be_null(const json::value& schema) {
  const auto* type = find(schema, "type");
  if (as_text(type) == "null") return true;
  if (const auto* types = as_array(type))
    if (std::any_of(types->begin(), types->end(), [](const json::value& t) { return as_text(&t) == "null"; }))
      return true;
  if (const auto* choices = array_at(schema, "anyOf"))
    return std::any_of(choices->begin(), choices->end(), may_be_null);
  return false;
}

bool make_strict(json::value& schema);

bool make_all_strict(json::value* schemas) {
  if (schemas == nullptr) return true;
  if (auto* list = schemas->if_array())
    return std::all_of(list->begin(), list->end(), [](json::value& one) { return make_strict(one); });
  if (auto* named = schemas->if_object())
    return std::all_of(named->begin(), named->end(), [](auto& one) { return make_strict(one.value()); });
  return true;
}

bool make_object_strict(json::object& object) {
  const json::value* properties = object.if_contains("properties");
  if (properties == nullptr || !properties->is_object()) return false;  // anything goes: not sayable
  if (const auto* open = object.if_contains("additionalProperties");
      open != nullptr && *open != json::value(false))
    return false;
  json::array required;
  const auto* listed = as_array(object.if_contains("required"));
  for (const auto& [key, member] : properties->get_object()) {
    const bool needed =
        listed != nullptr && std::any_of(listed->begin(), listed->end(), [&](const auto& name) {
          return as_text(&name) == std::string_view(key);
        });
    if (!needed && !may_be_null(member)) return false;
    required.push_back(json::string(key));
  }
  // Only now: a member that is added may move all the others.
  object["additionalProperties"] = false;
  object["required"] = std::move(required);
  return make_all_strict(object.if_contains("properties"));
}

bool make_strict(json::value& schema) {
  auto* object = schema.if_object();
  if (object == nullptr) return false;
  const bool is_object = text_at(*object, "type") == "object" || object->contains("properties");
  if (is_object && !make_object_strict(*object)) return false;
  if (auto* items = object->if_contains("items"); items != nullptr && !make_strict(*items)) return false;
  return make_all_strict(object->if_contains("anyOf")) && make_all_strict(object->if_contains("$defs")) &&
         make_all_strict(object->if_contains("definitions")) && !object->contains("allOf") &&
         !object->contains("oneOf") && !object->contains("patternProperties");
}

}  // namespace

std::optional<json::object> strict_schema(const json::object& schema) {
  json::value strict = schema;
  if (text_at(strict, "type") != "object" || !make_strict(strict)) return std::nullopt;
  return std::move(strict.get_object());
}

std::string schema_name(const json::object& schema) {
  const auto title = as_text(find(schema, "title"));
  return title.empty() ? "answer" : sanitize_name(title);
}

void append_parameters(std::string& out, const json::object& schema) {
  if (schema.contains("type")) return append_json(out, schema);
  json::object typed{{"type", "object"}, {"properties", json::object()}};
  for (const auto& [key, value] : schema) typed[key] = value;
  append_json(out, typed);
}

}  // namespace lllm
