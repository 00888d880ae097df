#pragma once

#include <string>

#include "lllm/core/awaitable.hpp"
#include "lllm/core/tool.hpp"
#include "lllm/invokers/invoker.hpp"
#include "lllm/runtime/runtime.hpp"
#include "lllm/runtime/tactic.hpp"

namespace lllm {

/// Runs a tactic to its end: its agents in their order, those of one step side by side, each with a dialog of
/// its own; or its function. It keeps the version it started with.
/// @param invoker  Must outlive the call, and so must `runtime`.
/// @throws Exception what its agents throw, with the names of tactic and agent; `missing_variable` for a
/// prompt;
///         `tool_failed` when tactics call one another more than 8 deep. The first failure of a step cancels
///         the others.
/// Cancellation: terminal, at every await.
asio::awaitable<TacticResult> run_tactic(Tactic tactic, TacticInput input, BaseInvoker& invoker,
                                         Runtime& runtime = get_runtime());
/// The same by its ref.
asio::awaitable<TacticResult> run_tactic(std::string ref, TacticInput input, BaseInvoker& invoker,
                                         Runtime& runtime = get_runtime());

/// The tactic as a tool for a model: its arguments are `parameters`, or `task` alone. `invoker` and `runtime`
/// must outlive the tool's calls. `depth`: how many tactics called one another to get here.
Tool tactic_tool(const Tactic& tactic, BaseInvoker& invoker, Runtime& runtime, int depth = 0);

}  // namespace lllm
