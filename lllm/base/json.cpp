#include "lllm/base/json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <boost/json/parser.hpp>

#include "lllm/base/json_plain_run.hpp"
#include "lllm/base/text.hpp"

namespace lllm {

Result<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = max_json_depth;
  json::parser parser(json::storage_ptr(), options);
  boost::system::error_code failure;
  const std::size_t used = parser.write_some(text.data(), text.size(), failure);
  if (!failure && trim(text.substr(used)).empty()) return parser.release();
  if (failure == json::error::too_deep)
    return Error(ErrorKind::limit_exceeded,
                 "JSON nested deeper than " + std::to_string(max_json_depth) + " levels");
  const std::string why = failure ? failure.message() : "something follows the value";
  return Error(ErrorKind::parse_failed, "not JSON at byte " + std::to_string(used) + ": " + why)
      .code(failure);
}

const json::value* find(const json::object& object, std::string_view key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &found->value();
}

const json::value* find(const json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr : find(*object, key);
}

const json::value* find_at(const json::value& value, std::string_view pointer) {
  boost::system::error_code missing;
  return value.find_pointer(pointer, missing);
}

std::string_view as_text(const json::value* value) {
  if (value == nullptr) return {};
  const auto* text = value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

std::string_view text_at(const json::value& value, std::string_view key) {
  return as_text(find(value, key));
}

std::string_view text_at(const json::object& object, std::string_view key) {
  return as_text(find(object, key));
}

std::optional<std::int64_t> as_integer(const json::value* value) {
  if (value == nullptr) return std::nullopt;
  constexpr auto largest = std::numeric_limits<std::int64_t>::max();
  if (const auto* i = value->if_int64()) return *i;
  if (value->if_uint64() != nullptr) return largest;  // Boost.JSON uses uint64 only above the int64 range
  if (const auto* d = value->if_double()) {
    if (std::isnan(*d)) return std::nullopt;
    if (*d >= static_cast<double>(largest)) return largest;
    if (*d <= -static_cast<double>(largest)) return std::numeric_limits<std::int64_t>::min();
    return static_cast<std::int64_t>(*d);
  }
  return std::nullopt;
}

std::optional<std::int64_t> integer_at(const json::value& value, std::string_view key) {
  return as_integer(find(value, key));
}

std::optional<std::int64_t> integer_at(const json::object& object, std::string_view key) {
  return as_integer(find(object, key));
}

std::optional<double> as_number(const json::value* value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* d = value->if_double()) return *d;
  if (const auto* i = value->if_int64()) return static_cast<double>(*i);
  if (const auto* u = value->if_uint64()) return static_cast<double>(*u);
  return std::nullopt;
}

std::optional<bool> as_boolean(const json::value* value) {
  if (value == nullptr || !value->is_bool()) return std::nullopt;
  return value->get_bool();
}

const json::array* as_array(const json::value* value) {
  return value == nullptr ? nullptr : value->if_array();
}
const json::object* as_object(const json::value* value) {
  return value == nullptr ? nullptr : value->if_object();
}
const json::array* array_at(const json::value& value, std::string_view key) {
  return as_array(find(value, key));
}
const json::object* object_at(const json::value& value, std::string_view key) {
  return as_object(find(value, key));
}

const json::array* array_at(const json::object& object, std::string_view key) {
  return as_array(find(object, key));
}
const json::object* object_at(const json::object& object, std::string_view key) {
  return as_object(find(object, key));
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const std::size_t restart = out.size();
  bool ascii = true;
  out += '"';
  const char* const end = text.data() + text.size();
  for (const char* at = text.data();;) {
    const char* const stop = end_of_plain_run(at, end, ascii);
    out.append(at, stop);
    if (stop == end) break;
    const auto c = static_cast<unsigned char>(*stop);
    at = stop + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        out += "\\u00";
        out += hex[c >> 4];
        out += hex[c & 0xF];
    }
  }
  out += '"';
  if (!ascii && !is_utf8(text)) {  // the rare case pays: written once more
    out.resize(restart);
    append_json_string(out, to_valid_utf8(text));
  }
}

namespace {

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

// The shortest text that reads back as the same number. Arguments like 0.2 or 1.5 are whole thousandths, and
// told by integers in a tenth of the time: nearest to n/1000 can only be that, and no shorter decimal.
void append_number(std::string& out, double number) {
  const double thousandths = number * 1000;
  const auto n = thousandths > 0 && thousandths < 1e7 ? static_cast<std::int64_t>(thousandths) : 0;
  if (n == 0 || static_cast<double>(n) / 1000 != number) return append_number<double>(out, number);
  append_number(out, n / 1000);
  if (n % 1000 == 0) return;
  const std::array<char, 4> fraction{'.', static_cast<char>('0' + n / 100 % 10),
                                     static_cast<char>('0' + n / 10 % 10), static_cast<char>('0' + n % 10)};
  out.append(fraction.data(), n % 10 != 0 ? 4 : n / 10 % 10 != 0 ? 3 : 2);
}

}  // namespace

// Not json::serialize: that writes 0.2 as 2E-1, which models and people read badly.
void append_json(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      out += "null";
      return;
    case json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case json::kind::int64:
      append_number(out, value.get_int64());
      return;
    case json::kind::uint64:
      append_number(out, value.get_uint64());
      return;
    case json::kind::double_:
      if (!std::isfinite(value.get_double())) {
        out += "null";  // JSON has no word for it
        return;
      }
      append_number(out, value.get_double());
      return;
    case json::kind::string:
      append_json_string(out, value.get_string());
      return;
    case json::kind::array: {
      char before = '[';
      for (const auto& element : value.get_array()) {
        out += before;
        before = ',';
        append_json(out, element);
      }
      out += value.get_array().empty() ? "[]" : "]";
      return;
    }
    case json::kind::object: {
      char before = '{';
      for (const auto& [key, member] : value.get_object()) {
        out += before;
        before = ',';
        append_json_string(out, key);
        out += ':';
        append_json(out, member);
      }
      out += value.get_object().empty() ? "{}" : "}";
      return;
    }
  }
}

std::string to_json(const json::value& value) {
  std::string text;
  append_json(text, value);
  return text;
}

namespace {

void append_pretty(std::string& out, const json::value& value, std::size_t indent) {
  const auto line = [&](std::size_t depth) { out.append(1, '\n').append(depth * 2, ' '); };
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : *object) {
      if (!std::exchange(first, false)) out += ',';
      line(indent + 1);
      append_json_string(out, key);
      out += ": ";
      append_pretty(out, member, indent + 1);
    }
    line(indent);
    out += '}';
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    out += '[';
    bool first = true;
    for (const auto& element : *array) {
      if (!std::exchange(first, false)) out += ',';
      line(indent + 1);
      append_pretty(out, element, indent + 1);
    }
    line(indent);
    out += ']';
  } else {
    append_json(out, value);
  }
}

}  // namespace

std::string to_pretty_json(const json::value& value) {
  std::string text;
  append_pretty(text, value, 0);
  return text;
}

void deep_merge(json::value& base, const json::value& overlay) {
  if (!base.is_object() || !overlay.is_object()) {
    base = overlay;
    return;
  }
  for (const auto& [key, member] : overlay.get_object()) {
    if (auto* existing = base.get_object().if_contains(key))
      deep_merge(*existing, member);
    else
      base.get_object().emplace(key, member);
  }
}

}  // namespace lllm
