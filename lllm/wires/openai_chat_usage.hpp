#pragma once

#include "lllm/base/json_reader.hpp"
#include "lllm/core/message.hpp"

namespace lllm::openai_chat {

/// What the `usage` ahead says, in OpenAI's meaning whatever the provider's dialect.
Usage read_usage(JsonReader& in);

}  // namespace lllm::openai_chat
