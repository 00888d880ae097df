#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"

namespace lllm {

/// An agent as a config, or a tactic, describes it. `make_agent` (agent/make_agent.hpp) builds it.
struct AgentSpec {
  AgentSpec() = default;
  std::string name;
  std::string config;  ///< the ref of an agent's config that this one is laid over; followed by make_agent
  std::string model_name;
  std::string system_prompt;       ///< the text itself …
  std::string system_prompt_path;  ///< … or the ref of a prompt
  json::object system_args;        ///< its variables
  std::string api_type;            ///< "completion" or "response"; empty: the default
  json::object model_args;
  std::optional<int> max_exception_retry;
  std::optional<int> max_interrupt_steps;
  std::optional<int> max_llm_recall;
  std::vector<std::string> tools;  ///< refs of tools and tactics
  std::string context_manager;     ///< a ref; empty: the default one
  std::string description;
  /// Where refs without a package are looked up first; empty: in the default package only.
  std::string package;
  std::vector<std::string> unknown_keys;  ///< which went to `model_args`
};

/// Something wrong in the description of agents.
struct AgentSpecMistake {
  std::string pointer;  ///< JSON pointer (RFC 6901) into what was read
  std::string message;  ///< names agent and key
};

/// What a config says of agents. They mean something only where there are no mistakes.
struct AgentSpecs {
  AgentSpecs() = default;
  std::vector<AgentSpec> all;
  std::vector<AgentSpecMistake> mistakes;  ///< all of them: reading goes on as if the member were not there
};

/// Reads one agent. Its keys are the members above (`package` and `unknown_keys` apart); `base` is ignored,
/// for resolve_config has followed it. Unknown keys go to `model_args`, with a warning.
/// @param name      When the object has none.
/// @param mistakes  What is wrong is added to them.
/// @param pointer   Where `data` stands, for theirs.
AgentSpec read_agent_spec(const json::object& data, std::string_view name,
                          std::vector<AgentSpecMistake>& mistakes, const std::string& pointer = {});

/// The agents of a config. With `agent_configs` (a list of objects with `name`, or an object by name), each
/// of them laid over `global`; otherwise the config itself is one agent.
/// @param name  Of a single agent whose config has no name.
AgentSpecs read_agent_specs(const json::value& config, std::string_view name);

/// The same for whoever needs them whole: the first mistake is a `bad_resource`.
Result<std::vector<AgentSpec>> parse_agent_specs(const json::value& config, std::string_view name);

/// What to tell people about one of `unknown_keys`.
std::string unknown_key_warning(const AgentSpec& spec, const std::string& key);

/// Whether a config looks like agents at all, for whoever checks configs it knows nothing of.
bool describes_agents(const json::value& config);

}  // namespace lllm
