
#include <algorithm>
#include <charconv>
#include <limits>
#include <sstream>

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "lllm/base/text.hpp"
#include "lllm/formats/document.hpp"

namespace lllm {
namespace {

/// Aliases are shared in the document and copied in JSON, so a few lines can stand for billions of values.
constexpr std::size_t max_values = 100'000;

TextPosition position_of(const YAML::Mark& mark) {
  TextPosition position;
  if (mark.is_null()) return position;
  position.line = mark.line + 1;
  position.column = mark.column + 1;
  return position;
}

[[noreturn]] void fail(ErrorKind kind, const std::string& message, const YAML::Mark& mark) {
  const auto where = position_of(mark);
  throw_error(Error(kind, message).at({}, where.line, where.column));
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const auto word : words) {
    // PyYAML knows three spellings of each: yes, Yes, YES.
    if (!iequals(text, word)) continue;
    const bool lower = text == word;
    const bool upper = std::none_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    const bool title = text[0] >= 'A' && text[0] <= 'Z' && text.substr(1) == word.substr(1);
    return lower || upper || title;
  }
  return false;
}

std::optional<json::value> integer(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != '_') digits += c;
  std::string_view rest = digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.empty() || rest[0] < '0' || rest[0] > '9') return std::nullopt;
  int base = 10;
  if (rest.starts_with("0x")) {
    base = 16;
    rest.remove_prefix(2);
  } else if (rest.starts_with("0o")) {
    base = 8;
    rest.remove_prefix(2);
  } else if (rest.starts_with("0b")) {
    base = 2;
    rest.remove_prefix(2);
  } else if (rest.size() > 1 && rest[0] == '0') {
    base = 8;
    rest.remove_prefix(1);
  }
  if (rest.empty() || rest[0] == '-' || rest[0] == '+') return std::nullopt;
  std::uint64_t magnitude = 0;
  const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), magnitude, base);
  if (code != std::errc() || end != rest.data() + rest.size()) return std::nullopt;
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!negative && magnitude > largest) return json::value(magnitude);
  if (magnitude > largest) return std::nullopt;
  const auto value = static_cast<std::int64_t>(magnitude);
  return json::value(negative ? -value : value);
}

std::optional<json::value> floating(std::string_view text) {
  std::string digits;
  bool has_digit = false;
  for (const char c : text) {
    if (c == '_') continue;
    if (c >= '0' && c <= '9') has_digit = true;
    if ((c < '0' || c > '9') && std::string_view("+-.eE").find(c) == std::string_view::npos)
      return std::nullopt;
    digits += c;
  }
  if (!has_digit) return std::nullopt;
  std::string_view rest = digits;
  if (rest.starts_with('+')) rest.remove_prefix(1);
  double value = 0;
  const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (code != std::errc() || end != rest.data() + rest.size()) return std::nullopt;
  return json::value(value);
}

json::value plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || is_one_of(text, {"null"})) return nullptr;
  if (is_one_of(text, {"true", "yes", "on"})) return true;
  if (is_one_of(text, {"false", "no", "off"})) return false;
  if (const char c = text[0]; (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.') {
    if (auto value = integer(text)) return *value;
    if (auto value = floating(text)) return *value;
  }
  return json::string(text);
}

class Converter {
 public:
  json::value convert(const YAML::Node& node, std::size_t depth = 0) {
    if (depth > max_json_depth)
      fail(ErrorKind::limit_exceeded, "YAML nested deeper than " + std::to_string(max_json_depth) + " levels",
           node.Mark());
    if (++values_ > max_values)
      fail(ErrorKind::limit_exceeded,
           "the document expands to more than " + std::to_string(max_values) + " values", node.Mark());
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return scalar(node);
      case YAML::NodeType::Sequence: {
        json::array array;
        for (const auto& element : node) array.push_back(convert(element, depth + 1));
        return array;
      }
      case YAML::NodeType::Map:
        return mapping(node, depth);
      default:
        return nullptr;
    }
  }

 private:
  static json::value scalar(const YAML::Node& node) {
    const std::string& tag = node.Tag();
    const std::string& text = node.Scalar();
    if (tag == "?" || tag.empty()) return plain_scalar(text);
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return json::string(text);
    const bool standard = tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:float" ||
                          tag == "tag:yaml.org,2002:bool" || tag == "tag:yaml.org,2002:null";
    if (standard) return plain_scalar(text);
    fail(ErrorKind::parse_failed, "the YAML tag '" + tag + "' is not read here", node.Mark());
  }

  json::value mapping(const YAML::Node& node, std::size_t depth) {
    json::object object;
    json::object merged;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar())
        fail(ErrorKind::parse_failed, "a key must be a word, not a list or a mapping", entry.first.Mark());
      const std::string& key = entry.first.Scalar();
      if (key == "<<" && entry.first.Tag() == "?") {
        merge(merged, entry.second, depth);
      } else if (object.contains(key)) {
        fail(ErrorKind::parse_failed, "the key '" + key + "' is there twice", entry.first.Mark());
      } else {
        object.emplace(key, convert(entry.second, depth + 1));
      }
    }
    for (auto& [key, value] : merged)
      if (!object.contains(key)) object.emplace(key, std::move(value));
    return object;
  }

  void merge(json::object& into, const YAML::Node& from, std::size_t depth) {
    const auto add = [&](const YAML::Node& source) {
      if (!source.IsMap())
        fail(ErrorKind::parse_failed, "'<<' takes a mapping or a list of mappings", source.Mark());
      const json::value value = convert(source, depth + 1);
      for (const auto& [key, member] : value.get_object()) into.emplace(key, member);  // the first wins
    };
    if (!from.IsSequence()) return add(from);
    for (const auto& source : from) add(source);
  }

  std::size_t values_ = 0;
};

/// yaml-cpp's message without its own "yaml-cpp: error at line …" prefix.
Error translated(const YAML::Exception& failure) {
  const auto where = position_of(failure.mark);
  const bool deep = dynamic_cast<const YAML::DeepRecursion*>(&failure) != nullptr;
  return Error(deep ? ErrorKind::limit_exceeded : ErrorKind::parse_failed, "not YAML: " + failure.msg)
      .at({}, where.line, where.column);
}

}  // namespace

namespace {

/// Remembers where a document begins, and nothing else.
class Place final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { see(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { see(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string&) override {
    see(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    see(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    see(mark);
  }
  void OnMapEnd() override {}

  YAML::Mark begin = YAML::Mark::null_mark();

 private:
  void see(const YAML::Mark& mark) {
    if (begin.is_null()) begin = mark;
  }
};

/// Not YAML::LoadAll: a stray ',' or ']' at the beginning of a line is an empty document to yaml-cpp that
/// takes nothing off its input, and the list of all documents has no end.
void check_one_document(std::string_view text) {
  std::istringstream input{std::string(text)};
  YAML::Parser parser(input);
  Place first;
  Place second;
  if (!parser.HandleNextDocument(first) || !parser.HandleNextDocument(second)) return;
  fail(ErrorKind::parse_failed, "more than one YAML document in a file, or a stray bracket or comma",
       second.begin);
}

}  // namespace

Result<json::value> parse_yaml(std::string_view text) {
  try {
    check_one_document(text);
    return Converter().convert(YAML::Load(std::string(text)));
  } catch (const Exception& failure) {
    return failure.error();
  } catch (const YAML::Exception& failure) {
    return translated(failure);
  } catch (const std::exception& failure) {
    return Error(ErrorKind::parse_failed, std::string("not YAML: ") + failure.what());
  }
}

TextPosition detail::locate_yaml(std::string_view text, std::string_view pointer) {
  try {
    YAML::Node node = YAML::Load(std::string(text));
    TextPosition position = position_of(node.Mark());
    for (const auto& part : pointer_parts(pointer)) {
      YAML::Node next;
      bool found = false;
      if (node.IsMap()) {
        for (const auto& entry : node) {
          if (!entry.first.IsScalar() || entry.first.Scalar() != part) continue;
          next.reset(entry.second);
          // A key's place is what a person looks for; an empty value has none of its own.
          position =
              position_of(entry.second.IsScalar() && !entry.second.Scalar().empty() ? entry.second.Mark()
                                                                                    : entry.first.Mark());
          found = true;
          break;
        }
      } else if (node.IsSequence()) {
        std::size_t index = 0;
        std::from_chars(part.data(), part.data() + part.size(), index);
        if (index < node.size()) {
          next.reset(node[index]);
          position = position_of(next.Mark());
          found = true;
        }
      }
      if (!found) break;
      node.reset(next);
    }
    return position;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace lllm
