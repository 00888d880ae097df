#include "lllm/formats/document.hpp"

#include <algorithm>

#include "lllm/base/text.hpp"
#include "lllm/formats/bom.hpp"

namespace lllm {

std::optional<Syntax> syntax_of(std::string_view file_name) {
  if (file_name.ends_with(".json")) return Syntax::json;
  if (file_name.ends_with(".yaml") || file_name.ends_with(".yml")) return Syntax::yaml;
  if (file_name.ends_with(".toml")) return Syntax::toml;
  return std::nullopt;
}

TextPosition position_at(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, std::min(offset, text.size()));
  TextPosition position;
  position.line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  const auto newline = before.rfind('\n');
  position.column =
      1 + static_cast<int>(newline == before.npos ? before.size() : before.size() - newline - 1);
  return position;
}

Result<std::string_view> checked_text(std::string_view text) {
  text = without_bom(text);
  if (is_utf8(text)) return text;
  // The longest prefix that is UTF-8 ends where the trouble begins; only files with an error pay for the
  // search.
  std::size_t line_start = 0;
  while (true) {
    const auto newline = text.find('\n', line_start);
    const auto line = text.substr(line_start, newline == text.npos ? text.npos : newline - line_start);
    if (!is_utf8(line) || newline == text.npos) break;
    line_start = newline + 1;
  }
  const auto where = position_at(text, line_start);
  return Error(ErrorKind::parse_failed, "the text is not UTF-8").at({}, where.line, 1);
}

Result<json::value> parse_document(Syntax syntax, std::string_view text) {
  const auto checked = checked_text(text);
  if (!checked) return checked.error();
  switch (syntax) {
    case Syntax::yaml:
      return parse_yaml(*checked);
    case Syntax::toml:
      return parse_toml(*checked);
    case Syntax::json:
      break;
  }
  return parse_strict_json(*checked);
}

TextPosition locate(Syntax syntax, std::string_view text, std::string_view pointer) {
  const auto checked = checked_text(text);
  if (!checked) return {};
  switch (syntax) {
    case Syntax::yaml:
      return detail::locate_yaml(*checked, pointer);
    case Syntax::toml:
      return detail::locate_toml(*checked, pointer);
    case Syntax::json:
      break;
  }
  return detail::locate_json(*checked, pointer);
}

std::vector<std::string> detail::pointer_parts(std::string_view pointer) {
  std::vector<std::string> parts;
  if (pointer.empty()) return parts;
  for (const auto part : split(pointer.substr(1), '/'))
    parts.push_back(replace_all(replace_all(std::string(part), "~1", "/"), "~0", "~"));
  return parts;
}

std::string pointer_below(std::string_view pointer, std::string_view key) {
  std::string below(pointer);
  return below.append("/").append(replace_all(replace_all(std::string(key), "~", "~0"), "/", "~1"));
}

}  // namespace lllm
