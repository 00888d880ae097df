#pragma once

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/dialog.hpp"
#include "lllm/wires/codec.hpp"

namespace lllm {

/// OpenAI's Chat Completions, as OpenAI and everyone who says "OpenAI-compatible" speak it.
/// Spec: OpenAI API reference, "Create chat completion" and "Chat completion chunk"; departures of others are
/// in Quirks and in what the decoder tolerates.
const Codec& openai_chat_codec();

/// The dialog as OpenAI's `messages`. `invalid_argument` for a tool message without its call id.
Result<json::array> dialog_to_openai(const Dialog& dialog);
/// A dialog from OpenAI's `messages`. Content and members that a Message has no place for are kept and come
/// out again unchanged. `parse_failed` names the message.
Result<Dialog> dialog_from_openai(const json::array& messages);

}  // namespace lllm
