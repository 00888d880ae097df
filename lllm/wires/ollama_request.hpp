#pragma once

#include "lllm/base/error.hpp"
#include "lllm/wires/codec.hpp"

namespace lllm::ollama {

Result<EncodedRequest> encode(const EncodeInput& input);

}  // namespace lllm::ollama
