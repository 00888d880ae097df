#pragma once

#include <string_view>

#include "lllm/core/message.hpp"

namespace lllm::openai_chat {

/// What `usage` says, in OpenAI's meaning whatever the provider's dialect.
Usage usage_from_chat(std::string_view usage_json);

}  // namespace lllm::openai_chat
