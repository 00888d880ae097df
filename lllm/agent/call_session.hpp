#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "lllm/agent/step.hpp"
#include "lllm/base/error.hpp"
#include "lllm/core/cost.hpp"
#include "lllm/core/invoke_result.hpp"
#include "lllm/core/tool.hpp"

namespace lllm {

/// One tool that ran, or was refused, in a turn.
struct ToolRun {
  ToolCall call;
  ToolResult result;
  bool repeated = false;  ///< answered with a notice instead of being run again
  std::chrono::nanoseconds took{0};
};

/// What happened in one `Agent::respond()`: every call, tool, repair and recall, and what it cost.
class AgentCallSession {
 public:
  enum class State { running, done, failed };

  State state = State::running;
  AgentCounters counters;
  std::vector<InvokeResult> results;
  std::vector<ToolRun> tool_runs;
  std::vector<Error> errors;        ///< execution errors and provider errors, in order
  std::optional<Message> delivery;  ///< the final message, once there is one

  /// Sum over the calls whose cost is known; empty when none is.
  [[nodiscard]] std::optional<Money> cost() const;
  [[nodiscard]] Usage usage() const;
  /// For logs and the CLI: state, counters, tools, cost, without message text.
  [[nodiscard]] json::object summary() const;
};

std::string_view to_string(AgentCallSession::State state);

}  // namespace lllm
