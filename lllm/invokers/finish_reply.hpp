#pragma once

#include "lllm/core/call_options.hpp"
#include "lllm/core/dialog.hpp"
#include "lllm/core/invoke_result.hpp"

namespace lllm {

/// What every invoker does with a whole reply: names the responder, copies the call's metadata, notes the
/// prompt and its hash, checks tool arguments, and gives the text to the prompt's parser or schema. Failures
/// become `execution_errors`.
void finish_reply(InvokeResult& result, const Dialog& dialog, const CallOptions& options);

/// The structured output that a call asks for: the options', else the top prompt's.
const Schema& wanted_format(const Dialog& dialog, const CallOptions& options);

/// The tools that a call offers: the top prompt's and the options', each name once (the options' wins).
/// `invalid_argument` names a tool ref that nobody has resolved.
Result<std::vector<Tool>> offered_tools(const Dialog& dialog, const CallOptions& options);

}  // namespace lllm
