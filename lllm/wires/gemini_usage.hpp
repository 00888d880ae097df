#pragma once

#include <string_view>

#include "lllm/core/message.hpp"

namespace lllm::gemini {

/// usageMetadata in OpenAI's meaning: thoughts are part of the completion, tool-use tokens of the prompt.
Usage usage_from_gemini(std::string_view usage_json);

}  // namespace lllm::gemini
