#pragma once

#include "lllm/core/dialog.hpp"
#include "lllm/core/message.hpp"

namespace lllm {

/// Renews the ids that a codec made up for calls without one, where the dialog has them already. They are
/// made of the reply alone, so that it reads the same each time it is read; two equal replies that name
/// nothing of their own would otherwise have equal ids, and a tool's result could belong to either call.
/// @param reply   the answer to `dialog`; the ids inside its wire state change along.
void make_call_ids_unique(Message& reply, const Dialog& dialog);

}  // namespace lllm
