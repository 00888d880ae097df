#include "lllm/agent/step.hpp"

namespace lllm {

std::string_view to_string(NextStep step) {
  switch (step) {
    case NextStep::finish:
      return "finish";
    case NextStep::repair:
      return "repair";
    case NextStep::run_tools:
      return "run_tools";
    case NextStep::run_tools_then_final:
      return "run_tools_then_final";
    case NextStep::recall:
      return "recall";
    case NextStep::fail:
      return "fail";
  }
  return "fail";
}

NextStep after_reply(const InvokeResult& result, const AgentLimits& limits, AgentCounters& counters) {
  if (!result.message.tool_calls.empty()) {
    // Malformed arguments are answered as a tool's failure, so they are no repair of their own.
    if (counters.final_asked) return result.message.text().empty() ? NextStep::fail : NextStep::finish;
    ++counters.interrupt_steps;
    return counters.interrupt_steps < limits.max_interrupt_steps ? NextStep::run_tools
                                                                 : NextStep::run_tools_then_final;
  }
  if (result.execution_errors.empty()) return NextStep::finish;
  if (counters.exception_retries >= limits.max_exception_retry) return NextStep::fail;
  ++counters.exception_retries;
  return NextStep::repair;
}

NextStep after_error(const Error& error, const AgentLimits& limits, AgentCounters& counters) {
  if (!is_transient(error.kind()) || counters.llm_recalls >= limits.max_llm_recall) return NextStep::fail;
  ++counters.llm_recalls;
  return NextStep::recall;
}

}  // namespace lllm
