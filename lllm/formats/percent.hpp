#pragma once

#include <string>
#include <string_view>

namespace lllm {

/// For one part of a URL's path or query: RFC 3986 unreserved characters stay, all else becomes %XX.
std::string percent_encode(std::string_view text);
/// The bytes that %XX stand for; a '%' that begins no such triple stays.
std::string percent_decode(std::string_view text);

}  // namespace lllm
