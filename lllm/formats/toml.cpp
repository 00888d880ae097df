#include <charconv>
#include <sstream>

#include <toml++/toml.h>

#include "lllm/formats/document.hpp"
#include "lllm/formats/toml_positions.hpp"

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

namespace {

/// The node at a pointer, or its nearest parent: `complete` says which. `position` is where it begins.
struct Found {
  const toml::node* node = nullptr;
  TextPosition position;
  bool complete = true;
};

Found find_node(const toml::table& document, std::string_view pointer) {
  Found found;
  found.node = &document;
  for (const auto& part : detail::pointer_parts(pointer)) {
    const toml::node* next = nullptr;
    if (const auto* table = found.node->as_table()) {
      if (const auto member = table->find(part); member != table->end()) {
        next = &member->second;
        found.position = position_of(member->first.source().begin);
      }
    } else if (const auto* array = found.node->as_array()) {
      std::size_t index = 0;
      std::from_chars(part.data(), part.data() + part.size(), index);
      next = array->get(index);
      if (next != nullptr) found.position = position_of(next->source().begin);
    }
    found.complete = next != nullptr;
    if (next == nullptr) break;
    found.node = next;
  }
  return found;
}

}  // namespace

TextPosition detail::locate_toml(std::string_view text, std::string_view pointer) {
  try {
    const toml::table document = toml::parse(text);
    return find_node(document, pointer).position;
  } catch (const std::exception&) {
    return {};
  }
}

std::vector<TextPosition> locate_toml_elements(std::string_view text, std::string_view pointer) {
  std::vector<TextPosition> positions;
  try {
    const toml::table document = toml::parse(text);
    const auto found = find_node(document, pointer);
    if (!found.complete || !found.node->is_array()) return positions;
    for (const auto& element : *found.node->as_array())
      positions.push_back(position_of(element.source().begin));
  } catch (const std::exception&) {
    return {};
  }
  return positions;
}

}  // namespace lllm
