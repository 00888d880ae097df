#include "lllm/agent/call_session.hpp"

namespace lllm {

std::string_view to_string(AgentCallSession::State state) {
  switch (state) {
    case AgentCallSession::State::running:
      return "running";
    case AgentCallSession::State::done:
      return "done";
    case AgentCallSession::State::failed:
      return "failed";
  }
  return "failed";
}

std::optional<Money> AgentCallSession::cost() const {
  std::optional<Money> sum;
  for (const auto& result : results)
    if (const auto one = result.cost()) sum = sum.value_or(Money()) + *one;
  return sum;
}

Usage AgentCallSession::usage() const {
  Usage sum;
  for (const auto& result : results) sum += result.usage();
  return sum;
}

json::object AgentCallSession::summary() const {
  json::array tools;
  for (const auto& run : tool_runs)
    tools.push_back(json::object{{"name", json::string(run.call.name)},
                                 {"is_error", run.result.is_error},
                                 {"repeated", run.repeated},
                                 {"took_ms", static_cast<double>(run.took.count()) / 1e6}});
  json::object object{{"state", json::string(to_string(state))},
                      {"calls", results.size()},
                      {"exception_retries", counters.exception_retries},
                      {"interrupt_steps", counters.interrupt_steps},
                      {"llm_recalls", counters.llm_recalls},
                      {"tools", std::move(tools)},
                      {"usage", to_json_value(usage())}};
  if (const auto sum = cost()) object["cost_usd"] = sum->dollars();
  return object;
}

}  // namespace lllm
