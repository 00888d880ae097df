#pragma once

#include "lllm/base/error.hpp"
#include "lllm/wires/codec.hpp"

namespace lllm::openai_chat {

Result<EncodedRequest> encode(const EncodeInput& input);

}  // namespace lllm::openai_chat
