#pragma once

#include "lllm/base/error.hpp"
#include "lllm/wires/codec.hpp"

namespace lllm::gemini {

Result<EncodedRequest> encode(const EncodeInput& input);

/// The generation of a model: 2 for "gemini-2.5-flash", 3 for "gemini-3-pro-preview" and for names that
/// follow the newest ("gemini-flash-latest"); 0 when the name does not say.
int generation_of(std::string_view model);

}  // namespace lllm::gemini
