#include "lllm/runtime/table_reader.hpp"

#include <algorithm>
#include <cmath>

#include "lllm/base/text.hpp"

namespace lllm {

std::string TableReader::pointer(std::string_view key) const {
  return key.empty() ? pointer_ : pointer_below(pointer_, key);
}

/// The member as a person wrote it: 'http.url'.
std::string TableReader::shown(std::string_view key) const {
  return "'" + (name_.empty() ? "" : name_ + '.') + std::string(key) + "'";
}

TextPosition TableReader::where(std::string_view key) const {
  return locate(syntax_, text_, pointer(key));
}

void TableReader::fail(std::string_view key, const std::string& message) const {
  if (refused(key)) return;
  const auto place = where(key);
  mistakes_->all.push_back(Error(ErrorKind::bad_resource, message).at({}, place.line, place.column));
}

void TableReader::refuse(std::string_view key, const std::string& message) const {
  fail(key, message);
  mistakes_->refused.push_back(pointer(key));
}

bool TableReader::refused(std::string_view key) const {
  const auto at = pointer(key);
  return std::any_of(mistakes_->refused.begin(), mistakes_->refused.end(), [&](const std::string& known) {
    return at.starts_with(known) && (at.size() == known.size() || at[known.size()] == '/');
  });
}

const json::value* TableReader::find(std::string_view key) const {
  return lllm::find(*table_, key);
}

void TableReader::only(std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, value] : *table_) {
    if (std::find(keys.begin(), keys.end(), std::string_view(key)) != keys.end()) continue;
    const std::vector<std::string> known(keys.begin(), keys.end());
    fail(key, "unknown key " + shown(key) + " (there are: " + join(known, ", ") + ")");
  }
}

std::string TableReader::text(std::string_view key, std::string_view fallback) const {
  const auto* value = find(key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) {
    refuse(key, shown(key) + " must be a string");
    return std::string(fallback);
  }
  return std::string(as_text(value));
}

std::string TableReader::required_text(std::string_view key) const {
  auto found = text(key);
  if (found.empty()) fail(has(key) ? key : "", shown(key) + (has(key) ? " is empty" : " is missing"));
  return found;
}

std::vector<std::string> TableReader::texts(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return {};
  if (value->is_string()) return {std::string(as_text(value))};
  if (!value->is_array()) {
    refuse(key, shown(key) + " must be a list of strings");
    return {};
  }
  std::vector<std::string> list;
  for (const auto& element : value->get_array()) {
    if (!element.is_string()) {
      refuse(key, shown(key) + " must be a list of strings");
      return {};
    }
    list.emplace_back(as_text(&element));
  }
  return list;
}

std::vector<std::pair<std::string, std::string>> TableReader::pairs(std::string_view key) const {
  std::vector<std::pair<std::string, std::string>> list;
  if (!has(key)) return list;
  const auto below = table(key);
  for (const auto& [name, value] : below.data()) {
    if (value.is_structured() || value.is_null())
      below.refuse(name, below.shown(name) + " must be a string");
    else
      list.emplace_back(std::string(name), value.is_string() ? std::string(as_text(&value)) : to_json(value));
  }
  return list;
}

std::int64_t TableReader::integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                                  std::int64_t most) const {
  const auto* value = find(key);
  if (value == nullptr) return fallback;
  const auto number = as_integer(value);
  if (!number || *number < least || *number > most) {
    refuse(key, shown(key) + " must be a whole number from " + std::to_string(least) + " to " +
                    std::to_string(most));
    return fallback;
  }
  return *number;
}

std::chrono::milliseconds TableReader::seconds(std::string_view key,
                                               std::chrono::milliseconds fallback) const {
  const auto* value = find(key);
  if (value == nullptr) return fallback;
  const auto number = as_number(value);
  constexpr double day = 86'400;
  if (!number || !(*number > 0) || *number > day) {
    refuse(key, shown(key) + " must be a number of seconds, more than 0 and at most a day");
    return fallback;
  }
  return std::chrono::milliseconds(std::max<std::int64_t>(1, std::llround(*number * 1000)));
}

bool TableReader::flag(std::string_view key, bool fallback) const {
  const auto* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) {
    refuse(key, shown(key) + " must be true or false");
    return fallback;
  }
  return value->get_bool();
}

Schema TableReader::parameters(std::string_view key) const {
  if (!has(key)) return Schema({{"type", "object"}, {"properties", json::object()}});
  json::object data = table(key).data();
  const auto* type = data.if_contains("type");
  if (type == nullptr)
    data["type"] = "object";
  else if (as_text(type) != "object")
    refuse(key, shown(key) + " must be a JSON schema of an object");
  // A schema that is none is found now, at the line that holds it, and not at the first call.
  Schema schema(std::move(data));
  if (const auto valid = schema.validate(nullptr); !valid && valid.error().kind() == ErrorKind::bad_resource)
    refuse(key, shown(key) + " is no JSON schema: " + valid.error().message());
  return schema;
}

TableReader TableReader::table(std::string_view key) const {
  static const json::object nothing;
  const auto* value = find(key);
  if (value == nullptr)
    fail("", shown(key) + " is missing");
  else if (!value->is_object())
    refuse(key, shown(key) + " must be a table");
  const auto& below = value != nullptr && value->is_object() ? value->get_object() : nothing;
  return TableReader(syntax_, text_, below, *mistakes_, pointer(key),
                     (name_.empty() ? "" : name_ + '.') + std::string(key));
}

std::vector<TableReader> TableReader::tables(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return {};
  std::vector<TableReader> list;
  const auto* elements = value->if_array();
  if (elements == nullptr ||
      !std::all_of(elements->begin(), elements->end(), [](const auto& one) { return one.is_object(); })) {
    refuse(key, shown(key) + " must be a list of tables");
    return list;
  }
  for (const auto& element : *elements)
    list.emplace_back(syntax_, text_, element.get_object(), *mistakes_,
                      pointer(key) + '/' + std::to_string(list.size()), std::string(key));
  return list;
}

bool is_tool_name(std::string_view name) {
  constexpr std::size_t longest = 64;
  return !name.empty() && name.size() <= longest && std::all_of(name.begin(), name.end(), [](char c) {
    const char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace lllm
