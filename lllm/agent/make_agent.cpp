#include "lllm/agent/make_agent.hpp"

#include <algorithm>

#include "lllm/agent/run_tactic.hpp"
#include "lllm/base/log.hpp"
#include "lllm/base/text.hpp"
#include "lllm/runtime/config.hpp"
#include "lllm/runtime/load.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {
namespace {

Error about_agent(const AgentSpec& spec, const Error& error) {
  Error copy = error;
  return copy.message("agent '" + spec.name + "': " + error.message());
}

/// What the spec leaves open comes from the config it names.
AgentSpec laid_over(AgentSpec base, AgentSpec spec) {
  const auto text = [](std::string& own, std::string& from) {
    if (own.empty()) own = std::move(from);
  };
  if (spec.system_prompt.empty() && spec.system_prompt_path.empty()) {
    spec.system_prompt = std::move(base.system_prompt);
    if (!base.system_prompt_path.empty()) spec.system_prompt_path = std::move(base.system_prompt_path);
  }
  text(spec.model_name, base.model_name);
  text(spec.api_type, base.api_type);
  text(spec.context_manager, base.context_manager);
  text(spec.description, base.description);
  if (spec.tools.empty()) spec.tools = std::move(base.tools);
  json::value args = std::move(base.model_args);
  deep_merge(args, json::value(std::move(spec.model_args)));
  spec.model_args = std::move(args.get_object());
  for (const auto& [name, value] : base.system_args)
    if (!spec.system_args.contains(name)) spec.system_args[name] = value;
  if (!spec.max_exception_retry) spec.max_exception_retry = base.max_exception_retry;
  if (!spec.max_interrupt_steps) spec.max_interrupt_steps = base.max_interrupt_steps;
  if (!spec.max_llm_recall) spec.max_llm_recall = base.max_llm_recall;
  return spec;
}

/// A config's refs mean what they mean in its own package, whoever uses it.
void qualify(AgentSpec& spec, const Runtime& runtime) {
  const auto type_of_tool = [](const std::string& ref) {
    return ref.find(".tactics:") == ref.npos ? "tool" : "tactic";
  };
  if (!spec.system_prompt_path.empty())
    spec.system_prompt_path = ref_in_package(runtime, spec.system_prompt_path, "prompt", spec.package);
  if (!spec.context_manager.empty())
    spec.context_manager = ref_in_package(runtime, spec.context_manager, "context_manager", spec.package);
  for (auto& tool : spec.tools) tool = ref_in_package(runtime, tool, type_of_tool(tool), spec.package);
}

AgentSpec chosen(std::vector<AgentSpec> specs, const std::string& config_ref, const std::string& name) {
  if (name.empty() && specs.size() == 1) return std::move(specs.front());
  std::vector<std::string> names;
  for (auto& spec : specs) {
    if (!name.empty() && spec.name == name) return std::move(spec);
    names.push_back(spec.name);
  }
  throw_error(ErrorKind::resource_not_found,
              "config '" + config_ref + "' has " +
                  (name.empty() ? "several agents, and none was chosen" : "no agent '" + name + "'") +
                  "; there are: " + join(names, ", "));
}

asio::awaitable<void> fill(Agent& agent, const AgentSpec& spec, BaseInvoker& invoker, Runtime& runtime) {
  if (!spec.system_prompt_path.empty()) {
    auto loading = load_prompt(spec.system_prompt_path, runtime);
    agent.system_prompt = co_await std::move(loading);
  } else if (!spec.system_prompt.empty()) {
    agent.system_prompt = std::make_shared<const Prompt>(spec.name + "/system", spec.system_prompt);
  }
  for (const auto& ref : spec.tools) {
    auto loading = load_tool_or_tactic(ref, invoker, runtime, agent.tactic_depth);
    agent.tools.push_back(co_await std::move(loading));
  }
  if (!spec.context_manager.empty()) {
    auto loading = load_context_manager(spec.context_manager, runtime);
    agent.context_manager = co_await std::move(loading);
  }
}

}  // namespace

std::string ref_in_package(const Runtime& runtime, const std::string& ref, std::string_view type,
                           std::string_view package) {
  if (ref.find(':') != ref.npos || package.empty()) return ref;
  std::string own(package);
  own.append(".").append(section_of_type(type)).append(":").append(ref);
  return runtime.has(own, type) ? own : ref;
}

asio::awaitable<Tool> load_tool_or_tactic(std::string ref, BaseInvoker& invoker, Runtime& runtime,
                                          int tactic_depth) {
  if (runtime.has(ref, "tactic") && !runtime.has(ref, "tool")) {
    auto loading = load_tactic(ref, runtime);
    const auto tactic = co_await std::move(loading);
    co_return tactic_tool(*tactic, invoker, runtime, tactic_depth);
  }
  auto loading = load_tool(ref, runtime);
  co_return co_await std::move(loading);
}

asio::awaitable<std::vector<AgentSpec>> load_agent_specs(std::string config_ref, Runtime& runtime) {
  const auto node = runtime.get_node(config_ref, "config").value();
  auto resolving = resolve_config(node->key(), runtime);
  const auto config = co_await std::move(resolving);
  const std::string path(node->path());
  auto specs = parse_agent_specs(config, path.substr(path.rfind('/') + 1));
  if (!specs) {
    Error error = specs.error();
    throw_error(error.message("config '" + node->key() + "': " + error.message()).at(node->file()));
  }
  for (auto& spec : *specs) {
    spec.package = node->ns().substr(0, node->ns().find('.'));
    for (const auto& key : spec.unknown_keys)
      log(LogLevel::warning, "config", "'" + node->key() + "': " + unknown_key_warning(spec, key));
    qualify(spec, runtime);
  }
  co_return std::move(*specs);
}

asio::awaitable<Agent> make_agent(AgentSpec spec, BaseInvoker& invoker, Runtime& runtime, int tactic_depth) {
  qualify(spec, runtime);
  if (!spec.config.empty()) {
    const auto ref = ref_in_package(runtime, spec.config, "config", spec.package);
    auto loading = load_agent_specs(ref, runtime);
    auto bases = co_await std::move(loading);
    spec = laid_over(chosen(std::move(bases), ref, {}), std::move(spec));
  }
  if (spec.model_name.empty())
    throw_error(ErrorKind::configuration, "agent '" + spec.name + "' has no 'model_name'");
  Agent agent(spec.name, invoker, spec.model_name, &runtime);
  agent.tactic_depth = tactic_depth;
  agent.system_args = spec.system_args;
  agent.options.model_args(spec.model_args);
  if (spec.api_type == "response") agent.options.api_type(ApiType::response);
  if (spec.max_exception_retry) agent.limits.max_exception_retry = *spec.max_exception_retry;
  if (spec.max_interrupt_steps) agent.limits.max_interrupt_steps = *spec.max_interrupt_steps;
  if (spec.max_llm_recall) agent.limits.max_llm_recall = *spec.max_llm_recall;
  try {
    auto filling = fill(agent, spec, invoker, runtime);
    co_await std::move(filling);
  } catch (const Exception& failure) {
    if (failure.kind() == ErrorKind::cancelled) throw;
    throw_error(about_agent(spec, failure.error()));
  }
  co_return agent;
}

asio::awaitable<Agent> load_agent(std::string config_ref, BaseInvoker& invoker, Runtime& runtime,
                                  std::string name) {
  auto loading = load_agent_specs(config_ref, runtime);
  auto specs = co_await std::move(loading);
  auto making = make_agent(chosen(std::move(specs), config_ref, name), invoker, runtime);
  co_return co_await std::move(making);
}

}  // namespace lllm
