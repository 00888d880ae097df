#include "lllm/wires/reply_json.hpp"

#include <charconv>
#include <optional>
#include <string>

#include "lllm/base/text.hpp"

namespace lllm {
namespace {

/// The UTF-16 unit of the escape \uXXXX at the front of `text`.
std::optional<unsigned> escaped_unit(std::string_view text) {
  unsigned unit = 0;
  if (text.size() < 6 || !text.starts_with("\\u")) return std::nullopt;
  const char* const end = text.data() + 6;
  return std::from_chars(text.data() + 2, end, unit, 16).ptr == end ? std::optional(unit) : std::nullopt;
}
bool is_first_half(unsigned unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}
bool is_second_half(unsigned unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

void replace_halves(std::string& json) {
  const std::string_view text = json;
  for (std::size_t i = 0; (i = text.find('\\', i)) != text.npos;) {
    const auto unit = escaped_unit(text.substr(i));
    if (!unit) {
      i += 2;  // an escape of one character, which may be a backslash
      continue;
    }
    const bool first = is_first_half(*unit);
    if (first && is_second_half(escaped_unit(text.substr(i + 6)).value_or(0))) {
      i += 12;
      continue;
    }
    if (first || is_second_half(*unit))
      json.replace(i + 2, 4, "fffd");  // as long as before: `text` stays valid
    i += 6;
  }
}

}  // namespace

Result<json::value> parse_reply(std::string_view text) {
  auto value = parse_json(text);
  if (value || value.error().kind() == ErrorKind::limit_exceeded) return value;
  std::string repaired = to_valid_utf8(text);
  replace_halves(repaired);
  if (repaired == text) return value;
  return parse_json(repaired);
}

}  // namespace lllm
