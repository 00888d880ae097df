#include "lllm/wires/model_args.hpp"

#include <algorithm>
#include <limits>

#include "lllm/base/hash.hpp"
#include "lllm/base/json_reader.hpp"
#include "lllm/base/text.hpp"

namespace lllm {

const json::value* ModelArgs::take(std::string_view name) {
  const auto found = args_.find(name);
  if (found == args_.end()) return nullptr;
  taken_[static_cast<std::size_t>(found - args_.begin())] = true;
  return found->value().is_null() ? nullptr : &found->value();
}

const json::value* ModelArgs::take(std::initializer_list<std::string_view> names) {
  const json::value* first = nullptr;
  for (const auto name : names)
    if (const auto* value = take(name); first == nullptr) first = value;
  return first;
}

bool ModelArgs::pass(std::string_view name, json::object& to, std::string_view as) {
  const auto* value = take(name);
  if (value == nullptr) return false;
  to[as.empty() ? name : as] = *value;
  return true;
}

std::vector<std::string> ModelArgs::dropped() const {
  std::vector<std::string> names = dropped_;
  std::size_t position = 0;
  for (const auto& [name, value] : args_)
    if (!taken_[position++] && !value.is_null()) names.emplace_back(name);
  return names;
}

WantedFormat take_format(const Schema& format, ModelArgs& args) {
  WantedFormat wanted;
  const auto* given = args.take("response_format");
  if (!format.empty()) {
    wanted.schema = &format.value();
  } else if (given != nullptr) {
    const auto type = text_at(*given, "type");
    if (const auto* spec = object_at(*given, "json_schema"); type == "json_schema" && spec != nullptr) {
      wanted.schema = as_object(find(*spec, "schema"));
      if (const auto name = as_text(find(*spec, "name")); !name.empty()) wanted.name = sanitize_name(name);
      wanted.description = std::string(as_text(find(*spec, "description")));
    }
    if (wanted.schema == nullptr && type != "text") args.drop("response_format");
  }
  if (wanted.schema == nullptr) return wanted;
  if (const auto title = as_text(find(*wanted.schema, "title")); wanted.name == "answer" && !title.empty())
    wanted.name = sanitize_name(title);
  return wanted;
}

json::array stop_list(const json::value* stop) {
  json::array list;
  const auto add = [&](const json::value& one) {
    if (!trim(as_text(&one)).empty()) list.push_back(one);
  };
  if (stop == nullptr) return list;
  if (const auto* several = stop->if_array())
    for (const auto& one : *several) add(one);
  else
    add(*stop);
  return list;
}

ToolChoice read_tool_choice(const json::value* value) {
  ToolChoice choice;
  if (value == nullptr) return choice;
  const auto word = value->is_string() ? as_text(value) : text_at(*value, "type");
  const auto* function = find(*value, "function");
  choice.name = function != nullptr ? text_at(*function, "name") : text_at(*value, "name");
  if (!choice.name.empty())
    choice.kind = ToolChoice::Kind::named;
  else if (word == "auto")
    choice.kind = ToolChoice::Kind::automatic;
  else if (word == "none")
    choice.kind = ToolChoice::Kind::none;
  else if (word == "required" || word == "any")
    choice.kind = ToolChoice::Kind::required;
  return choice;
}

void append_arguments(std::string& out, const ToolCall& call) {
  const auto text = trim(call.arguments);
  if (!call.custom) {
    if (text.empty() || text == "null") {
      out += "{}";
      return;
    }
    TextArena arena;
    JsonReader in(text, arena);
    const bool is_object = in.kind() == JsonReader::Kind::object;
    in.skip();
    if (is_object && in.finish()) {
      out += text;
      return;
    }
  }
  out += call.custom ? "{\"__text__\":" : "{\"invalid_json\":";
  append_json_string(out, call.arguments);
  out += '}';
}

std::string portable_call_id(std::string_view id) {
  constexpr std::size_t longest = 64;
  std::string portable(id);
  for (char& c : portable) {
    const bool fine =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!fine) c = '_';
  }
  if (portable == id && portable.size() <= longest) return portable;
  // What was changed could now equal another id: a piece of its hash keeps them apart.
  portable.resize(std::min(portable.size(), longest - 17));
  return portable + '_' + sha256_hex(id).substr(0, 16);
}

std::optional<std::int64_t> sum_counters(std::initializer_list<std::optional<std::int64_t>> counters) {
  std::optional<std::int64_t> sum;
  for (const auto& counter : counters) {
    if (!counter) continue;
    const std::int64_t count = std::max<std::int64_t>(0, *counter);
    const std::int64_t room = std::numeric_limits<std::int64_t>::max() - sum.value_or(0);
    sum = sum.value_or(0) + std::min(count, room);
  }
  return sum;
}

std::optional<std::int64_t> counter_at(const json::value& usage, std::string_view key) {
  return sum_counters({integer_at(usage, key)});
}

}  // namespace lllm
