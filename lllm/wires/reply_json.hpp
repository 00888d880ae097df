#pragma once

#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"

namespace lllm {

/// JSON of a provider's, as a value. As JsonReader has it, bytes that are no UTF-8 and halves of surrogate
/// pairs become U+FFFD: what cannot be a character fails no reply. For all else parse_json().
Result<json::value> parse_reply(std::string_view text);

}  // namespace lllm
