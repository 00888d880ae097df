#pragma once

#include <string>

#include "lllm/base/error.hpp"
#include "lllm/core/invoke_result.hpp"

namespace lllm {

/// How often an agent's turn may go round.
struct AgentLimits {
  int max_exception_retry = 3;  ///< replies that could not be used, handed back to the model
  int max_interrupt_steps = 5;  ///< rounds of tool calls before the final answer is asked for
  int max_llm_recall = 0;       ///< further calls after a provider's error (beside the invoker's own retries)
};

/// How often it went round so far.
struct AgentCounters {
  int exception_retries = 0;
  int interrupt_steps = 0;
  int llm_recalls = 0;
  bool final_asked = false;
};

/// What an agent does next in its turn.
enum class NextStep {
  finish,                ///< the reply is the answer
  repair,                ///< hand the execution errors back to the model and ask again
  run_tools,             ///< run the tool calls and ask again
  run_tools_then_final,  ///< run them, then ask for the final answer without tools
  recall,                ///< wait, then make the same call again
  fail,                  ///< give up
};
std::string_view to_string(NextStep step);

// The loop's decisions as pure functions: they count and choose, the agent acts.
NextStep after_reply(const InvokeResult& result, const AgentLimits& limits, AgentCounters& counters);
NextStep after_error(const Error& error, const AgentLimits& limits, AgentCounters& counters);

}  // namespace lllm
