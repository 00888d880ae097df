#include <charconv>
#include <sstream>

#include <toml++/toml.h>

#include "lllm/formats/document.hpp"

namespace lllm {
namespace {

TextPosition position_of(const toml::source_position& source) {
  TextPosition position;
  position.line = static_cast<int>(source.line);
  position.column = static_cast<int>(source.column);
  return position;
}

template <class T>
json::value as_words(const T& value) {
  std::ostringstream text;
  text << value;
  return json::string(text.str());
}

json::value convert(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: {
      json::object object;
      for (const auto& [key, value] : *node.as_table()) object.emplace(key.str(), convert(value));
      return object;
    }
    case toml::node_type::array: {
      json::array array;
      for (const auto& element : *node.as_array()) array.push_back(convert(element));
      return array;
    }
    case toml::node_type::string:
      return json::string(node.as_string()->get());
    case toml::node_type::integer:
      return node.as_integer()->get();
    case toml::node_type::floating_point:
      return node.as_floating_point()->get();
    case toml::node_type::boolean:
      return node.as_boolean()->get();
    case toml::node_type::date:
      return as_words(node.as_date()->get());
    case toml::node_type::time:
      return as_words(node.as_time()->get());
    case toml::node_type::date_time:
      return as_words(node.as_date_time()->get());
    default:
      return nullptr;
  }
}

}  // namespace

Result<json::value> parse_toml(std::string_view text) {
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& failure) {
    const auto where = position_of(failure.source().begin);
    const std::string reason(failure.description());
    const bool deep = reason.find("maximum nested value depth") != reason.npos;
    return Error(deep ? ErrorKind::limit_exceeded : ErrorKind::parse_failed, "not TOML: " + reason)
        .at({}, where.line, where.column);
  } catch (const std::exception& failure) {
    return Error(ErrorKind::parse_failed, std::string("not TOML: ") + failure.what());
  }
}

TextPosition detail::locate_toml(std::string_view text, std::string_view pointer) {
  try {
    const toml::table document = toml::parse(text);
    const toml::node* node = &document;
    TextPosition position;
    for (const auto& part : pointer_parts(pointer)) {
      const toml::node* next = nullptr;
      if (const auto* table = node->as_table()) {
        if (const auto found = table->find(part); found != table->end()) {
          next = &found->second;
          position = position_of(found->first.source().begin);
        }
      } else if (const auto* array = node->as_array()) {
        std::size_t index = 0;
        std::from_chars(part.data(), part.data() + part.size(), index);
        next = array->get(index);
        if (next != nullptr) position = position_of(next->source().begin);
      }
      if (next == nullptr) break;
      node = next;
    }
    return position;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace lllm
