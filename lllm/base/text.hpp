#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lllm {

/// ASCII only, as protocols mean it; never the locale's idea of a letter.
constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
std::string to_lower(std::string_view text);
bool iequals(std::string_view a, std::string_view b);

/// Without spaces, tabs, CR and LF at both ends.
std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string replace_all(std::string text, std::string_view from, std::string_view to);

/// True when `text` holds CR, LF or NUL, which no header, host, path or key may.
bool has_control_break(std::string_view text);

/// The first `limit` bytes at most, cut at a UTF-8 character, with "…" when something was cut.
std::string excerpt(std::string_view text, std::size_t limit);

bool is_utf8(std::string_view text);
/// Every byte sequence that is not UTF-8 becomes U+FFFD; valid text comes back unchanged.
std::string to_valid_utf8(std::string_view text);

/// Up to `limit` of `candidates` that a person may have meant by `wanted`, nearest first.
std::vector<std::string> near_matches(std::string_view wanted,
                                      const std::vector<std::string_view>& candidates, std::size_t limit = 5);

/// Without ANSI escape sequences and other control characters (newline and tab stay), so that text from a
/// model cannot drive a terminal. For text that comes in pieces: EscapeStripper.
std::string strip_terminal_escapes(std::string_view text);

}  // namespace lllm
