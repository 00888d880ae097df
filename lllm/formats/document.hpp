#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"

namespace lllm {

/// The three ways of writing a value down that packages use.
enum class Syntax { json, yaml, toml };

/// By the file's suffix: `.json`, `.yaml`, `.yml`, `.toml`.
std::optional<Syntax> syntax_of(std::string_view file_name);

/// Counted from 1; 0 when not known.
struct TextPosition {
  int line = 0;
  int column = 0;
  friend bool operator==(const TextPosition&, const TextPosition&) = default;
};

/// Where the byte at `offset` stands; columns count bytes.
TextPosition position_at(std::string_view text, std::size_t offset);

/// Reads a whole document. Strict where a person wrote the text: a key that is there twice is an error.
/// `parse_failed` has line() and column(); nesting past `max_json_depth`, and a YAML document whose aliases
/// would expand to more than 100,000 values, are `limit_exceeded`. Text that is not UTF-8 is `parse_failed`;
/// a leading BOM is skipped. Never throws.
Result<json::value> parse_document(Syntax syntax, std::string_view text);

/// Where the value at an RFC 6901 pointer begins, for errors about what a document means. Reads `text` again,
/// so that documents without errors do not pay for it. When there is no such value: its nearest parent.
TextPosition locate(Syntax syntax, std::string_view text, std::string_view pointer);

/// The RFC 6901 pointer to a member of the value at `pointer`.
std::string pointer_below(std::string_view pointer, std::string_view key);

/// `text` without a leading byte order mark; `parse_failed` with the line of the first byte that is not
/// UTF-8.
Result<std::string_view> checked_text(std::string_view text);

/// YAML 1.1 as PyYAML's safe loader reads it, which is what existing packages were written for: `yes` and
/// `on` are true, `<<` merges, tags other than the standard scalars are errors; dates stay text. One document
/// only.
Result<json::value> parse_yaml(std::string_view text);
/// TOML 1.0. Dates and times become their text.
Result<json::value> parse_toml(std::string_view text);
/// JSON (RFC 8259), with duplicate keys refused.
Result<json::value> parse_strict_json(std::string_view text);

namespace detail {
TextPosition locate_yaml(std::string_view text, std::string_view pointer);
TextPosition locate_toml(std::string_view text, std::string_view pointer);
TextPosition locate_json(std::string_view text, std::string_view pointer);
/// The pointer's parts, unescaped.
std::vector<std::string> pointer_parts(std::string_view pointer);
}  // namespace detail

}  // namespace lllm
