#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace lllm {

/// What may stand in a header's name, a method … (RFC 9110 §5.6.2).
inline constexpr auto http_token_chars = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  for (std::size_t c = '0'; c <= '9'; ++c) table[c] = true;
  for (std::size_t c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = true;
  return table;
}();

constexpr bool is_http_token_char(char c) {
  return http_token_chars[static_cast<unsigned char>(c)];
}

/// What no header's value may hold (RFC 9110 §5.5): control characters other than the tab.
constexpr bool is_http_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

inline bool has_http_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_http_control);
}

}  // namespace lllm
