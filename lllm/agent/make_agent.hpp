#pragma once

#include <string>
#include <vector>

#include "lllm/agent/agent.hpp"
#include "lllm/core/awaitable.hpp"
#include "lllm/runtime/agent_spec.hpp"
#include "lllm/runtime/runtime.hpp"

namespace lllm {

/// The agents that a config describes (see parse_agent_specs), inheritance followed; each looks its refs up
/// in the config's own package first. Unknown keys are logged as warnings.
/// @param runtime  Must outlive the call.
/// @throws Exception what resolve_config throws; `bad_resource` names the config and what is wrong with it.
asio::awaitable<std::vector<AgentSpec>> load_agent_specs(std::string config_ref,
                                                         Runtime& runtime = get_runtime());

/// Builds an agent: its `config` is followed, its system prompt, tools (tactics among them) and context
/// manager are looked up.
/// @param invoker  Must outlive the agent, and so must `runtime`.
/// @throws Exception `configuration` when no model is named; `resource_not_found` and its like name the
/// agent.
/// @param tactic_depth  See Agent.
asio::awaitable<Agent> make_agent(AgentSpec spec, BaseInvoker& invoker, Runtime& runtime = get_runtime(),
                                  int tactic_depth = 0);

/// The one agent of a config, or the one called `name` of several: load_agent_specs and make_agent in one.
/// @throws Exception `resource_not_found` lists the names when the config has several or has no such agent.
asio::awaitable<Agent> load_agent(std::string config_ref, BaseInvoker& invoker,
                                  Runtime& runtime = get_runtime(), std::string name = {});

/// The key that `ref` means in something of `package`: a ref without a package is looked up there first. The
/// ref as it was when there is nothing: looking it up says what is wrong.
std::string ref_in_package(const Runtime& runtime, const std::string& ref, std::string_view type,
                           std::string_view package);

/// The tool that a ref means: a tool, or a tactic, which becomes one.
asio::awaitable<Tool> load_tool_or_tactic(std::string ref, BaseInvoker& invoker, Runtime& runtime,
                                          int tactic_depth = 0);

}  // namespace lllm
