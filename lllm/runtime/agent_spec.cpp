#include "lllm/runtime/agent_spec.hpp"

namespace lllm {
namespace {

Error bad(std::string_view agent, std::string_view key, const char* expected) {
  return Error(ErrorKind::bad_resource,
               "agent '" + std::string(agent) + "': '" + std::string(key) + "' must be " + expected);
}

Result<> read_text(std::string_view agent, std::string_view key, const json::value& value,
                   std::string& into) {
  if (!value.is_string() && !value.is_null()) return bad(agent, key, "a string");
  into = std::string(as_text(&value));
  return {};
}

Result<> read_object(std::string_view agent, std::string_view key, const json::value& value,
                     json::object& into) {
  if (!value.is_object() && !value.is_null()) return bad(agent, key, "a mapping");
  if (value.is_object())
    for (const auto& [name, member] : value.get_object()) into[name] = member;
  return {};
}

Result<> read_count(std::string_view agent, std::string_view key, const json::value& value,
                    std::optional<int>& into) {
  constexpr std::int64_t most = 1000;
  const auto number = as_integer(&value);
  if (!number || *number < 0 || *number > most) return bad(agent, key, "a whole number from 0 to 1000");
  into = static_cast<int>(*number);
  return {};
}

Result<> read_refs(std::string_view agent, std::string_view key, const json::value& value,
                   std::vector<std::string>& into) {
  if (value.is_null()) return {};
  if (!value.is_array()) return bad(agent, key, "a list of refs");
  for (const auto& ref : value.get_array()) {
    if (!ref.is_string()) return bad(agent, key, "a list of refs");
    into.emplace_back(as_text(&ref));
  }
  return {};
}

Result<> read_api_type(std::string_view agent, std::string_view key, const json::value& value,
                       std::string& into) {
  const auto text = as_text(&value);
  if (text != "completion" && text != "response") return bad(agent, key, "\"completion\" or \"response\"");
  into = std::string(text);
  return {};
}

}  // namespace

Result<AgentSpec> parse_agent_spec(const json::object& data, std::string_view name) {
  AgentSpec spec;
  spec.name = text_at(data, "name").empty() ? name : text_at(data, "name");
  for (const auto& [key_text, value] : data) {
    const std::string_view key = key_text;
    Result<> read;
    if (key == "base")
      continue;
    else if (key == "name")
      read = read_text(spec.name, key, value, spec.name);
    else if (key == "model_name" || key == "model")
      read = read_text(spec.name, key, value, spec.model_name);
    else if (key == "config")
      read = read_text(spec.name, key, value, spec.config);
    else if (key == "system_prompt")
      read = read_text(spec.name, key, value, spec.system_prompt);
    else if (key == "system_prompt_path")
      read = read_text(spec.name, key, value, spec.system_prompt_path);
    else if (key == "description")
      read = read_text(spec.name, key, value, spec.description);
    else if (key == "context_manager")
      read = read_text(spec.name, key, value, spec.context_manager);
    else if (key == "api_type")
      read = read_api_type(spec.name, key, value, spec.api_type);
    else if (key == "system_args")
      read = read_object(spec.name, key, value, spec.system_args);
    else if (key == "model_args")
      read = read_object(spec.name, key, value, spec.model_args);
    else if (key == "max_exception_retry")
      read = read_count(spec.name, key, value, spec.max_exception_retry);
    else if (key == "max_interrupt_steps")
      read = read_count(spec.name, key, value, spec.max_interrupt_steps);
    else if (key == "max_llm_recall")
      read = read_count(spec.name, key, value, spec.max_llm_recall);
    else if (key == "tools")
      read = read_refs(spec.name, key, value, spec.tools);
    else {
      spec.unknown_keys.emplace_back(key);
      // What is written below `model_args` wins, wherever it stands.
      const auto* args = object_at(data, "model_args");
      if (args == nullptr || !args->contains(key_text)) spec.model_args[key_text] = value;
    }
    if (!read) return read.error();
  }
  if (spec.name.empty()) return Error(ErrorKind::bad_resource, "an agent needs a 'name'");
  if (!spec.system_prompt.empty() && !spec.system_prompt_path.empty())
    return Error(ErrorKind::bad_resource,
                 "agent '" + spec.name + "' has both 'system_prompt' and 'system_prompt_path': keep one");
  return spec;
}

Result<std::vector<AgentSpec>> parse_agent_specs(const json::value& config, std::string_view name) {
  std::vector<AgentSpec> specs;
  if (!config.is_object()) return Error(ErrorKind::bad_resource, "a config of agents must be a mapping");
  const auto& data = config.get_object();
  const auto add = [&](const json::object& one, std::string_view known_as) -> Result<> {
    auto spec = parse_agent_spec(one, known_as);
    if (!spec) return spec.error();
    if (!spec->config.empty())
      return Error(ErrorKind::bad_resource,
                   "agent '" + spec->name + "': a config inherits with 'base'; 'config' is for tactics");
    for (const auto& other : specs)
      if (other.name == spec->name)
        return Error(ErrorKind::bad_resource, "two agents are called '" + spec->name + "'");
    specs.push_back(std::move(*spec));
    return {};
  };
  const auto* agents = find(data, "agent_configs");
  if (agents == nullptr) {
    if (const auto added = add(data, name); !added) return added.error();
    return specs;
  }
  if (const auto* global = find(data, "global"); global != nullptr && !global->is_object())
    return Error(ErrorKind::bad_resource, "'global' must be a mapping");
  const auto* global = object_at(data, "global");
  const auto add_over_global = [&](const json::value& one, std::string_view known_as) -> Result<> {
    if (!one.is_object()) return Error(ErrorKind::bad_resource, "each of 'agent_configs' must be a mapping");
    json::value merged = global == nullptr ? json::object() : *global;
    deep_merge(merged, one);
    return add(merged.get_object(), known_as);
  };
  if (const auto* list = agents->if_array()) {
    for (const auto& one : *list)
      if (const auto added = add_over_global(one, {}); !added) return added.error();
  } else if (const auto* by_name = agents->if_object()) {
    for (const auto& [known_as, one] : *by_name)
      if (const auto added = add_over_global(one, known_as); !added) return added.error();
  } else {
    return Error(ErrorKind::bad_resource, "'agent_configs' must be a list or a mapping");
  }
  return specs;
}

std::string unknown_key_warning(const AgentSpec& spec, const std::string& key) {
  return "agent '" + spec.name + "': unknown key '" + key +
         "' is sent as a model argument; say so by putting it below 'model_args'";
}

bool describes_agents(const json::value& config) {
  if (find(config, "agent_configs") != nullptr) return true;
  const bool prompted =
      find(config, "system_prompt") != nullptr || find(config, "system_prompt_path") != nullptr;
  return prompted && (find(config, "model_name") != nullptr || find(config, "name") != nullptr);
}

}  // namespace lllm
