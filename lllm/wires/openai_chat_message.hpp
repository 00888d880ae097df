#pragma once

#include <string>

#include "lllm/base/error.hpp"
#include "lllm/core/message.hpp"

namespace lllm {
struct Provider;
}

namespace lllm::openai_chat {

/// Appends one message as the wire has it. `invalid_argument` for what no request can say.
Result<> append_message(std::string& out, const Message& message, const Provider& provider);

}  // namespace lllm::openai_chat
