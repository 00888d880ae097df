#pragma once

#include <string_view>

namespace lllm {

inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Without the byte order mark that some editors and servers write before UTF-8; one, as whatever follows is
/// text.
constexpr std::string_view without_bom(std::string_view text) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  return text;
}

}  // namespace lllm
