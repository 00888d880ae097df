#pragma once

#include <string>
#include <string_view>

#include "lllm/base/error.hpp"

namespace lllm {

/// RFC 4648 section 4, padded, no line breaks.
std::string base64_encode(std::string_view bytes);
/// RFC 4648 section 5 without padding, as JWTs use it.
std::string base64url_encode(std::string_view bytes);
/// Accepts both alphabets, with or without padding; white space is ignored, anything else is `parse_failed`.
Result<std::string> base64_decode(std::string_view text);

}  // namespace lllm
