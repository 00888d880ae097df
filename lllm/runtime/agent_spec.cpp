#include "lllm/runtime/agent_spec.hpp"

#include <utility>

#include "lllm/formats/document.hpp"

namespace lllm {
namespace {

/// Reads the members of one agent, and notes what is wrong with each.
class MemberReader {
 public:
  /// @param who  Whose they are, for messages: "agent 'editor'".
  MemberReader(std::string who, std::string pointer, std::vector<AgentSpecMistake>& mistakes)
      : who_(std::move(who)), pointer_(std::move(pointer)), mistakes_(mistakes) {}

  void fail(std::string_view key, const std::string& what) const {
    mistakes_.push_back({key.empty() ? pointer_ : pointer_below(pointer_, key), who_ + what});
  }

  /// False where the key is none of an agent's.
  bool read(std::string_view key, const json::value& value, AgentSpec& spec) const {
    if (key == "name")
      text(key, value, spec.name);
    else if (key == "model_name" || key == "model")
      text(key, value, spec.model_name);
    else if (key == "config")
      text(key, value, spec.config);
    else if (key == "system_prompt")
      text(key, value, spec.system_prompt);
    else if (key == "system_prompt_path")
      text(key, value, spec.system_prompt_path);
    else if (key == "description")
      text(key, value, spec.description);
    else if (key == "context_manager")
      text(key, value, spec.context_manager);
    else if (key == "api_type")
      api_type(key, value, spec.api_type);
    else if (key == "system_args")
      object(key, value, spec.system_args);
    else if (key == "model_args")
      object(key, value, spec.model_args);
    else if (key == "max_exception_retry")
      count(key, value, spec.max_exception_retry);
    else if (key == "max_interrupt_steps")
      count(key, value, spec.max_interrupt_steps);
    else if (key == "max_llm_recall")
      count(key, value, spec.max_llm_recall);
    else if (key == "tools")
      refs(key, value, spec.tools);
    else
      return key == "base";  // resolve_config has followed it
    return true;
  }

 private:
  void must_be(std::string_view key, const char* expected) const {
    fail(key, ": '" + std::string(key) + "' must be " + expected);
  }

  void text(std::string_view key, const json::value& value, std::string& into) const {
    if (!value.is_string() && !value.is_null()) return must_be(key, "a string");
    into = std::string(as_text(&value));
  }

  void object(std::string_view key, const json::value& value, json::object& into) const {
    if (!value.is_object() && !value.is_null()) return must_be(key, "a mapping");
    if (value.is_object())
      for (const auto& [name, member] : value.get_object()) into[name] = member;
  }

  void count(std::string_view key, const json::value& value, std::optional<int>& into) const {
    constexpr std::int64_t most = 1000;
    const auto number = as_integer(&value);
    if (!number || *number < 0 || *number > most) return must_be(key, "a whole number from 0 to 1000");
    into = static_cast<int>(*number);
  }

  void refs(std::string_view key, const json::value& value, std::vector<std::string>& into) const {
    if (value.is_null()) return;
    if (!value.is_array()) return must_be(key, "a list of refs");
    for (const auto& ref : value.get_array()) {
      if (!ref.is_string()) return must_be(key, "a list of refs");
      into.emplace_back(as_text(&ref));
    }
  }

  void api_type(std::string_view key, const json::value& value, std::string& into) const {
    const auto text = as_text(&value);
    if (text != "completion" && text != "response") return must_be(key, "\"completion\" or \"response\"");
    into = std::string(text);
  }

  std::string who_;
  std::string pointer_;
  std::vector<AgentSpecMistake>& mistakes_;
};

/// Reads a config of agents.
class ConfigReader {
 public:
  AgentSpecs specs;

  void read(const json::value& config, std::string_view name) {
    const auto* data = config.if_object();
    if (data == nullptr) return fail("", "a config of agents must be a mapping");
    const auto* agents = lllm::find(*data, "agent_configs");
    if (agents == nullptr) return add(*data, name, "");
    read_global(lllm::find(*data, "global"));
    if (const auto* list = agents->if_array()) {
      for (std::size_t i = 0; i < list->size(); ++i)
        add_over_global((*list)[i], {}, pointer_below("/agent_configs", std::to_string(i)));
    } else if (const auto* by_name = agents->if_object()) {
      for (const auto& [known_as, one] : *by_name)
        add_over_global(one, known_as, pointer_below("/agent_configs", known_as));
    } else {
      fail("/agent_configs", "'agent_configs' must be a list or a mapping");
    }
  }

 private:
  void fail(std::string pointer, std::string message) {
    specs.mistakes.push_back({std::move(pointer), std::move(message)});
  }

  /// What is wrong in it is said once, and then left out, not once for every agent that stands on it.
  void read_global(const json::value* global) {
    if (global == nullptr) return;
    if (!global->is_object()) return fail("/global", "'global' must be a mapping");
    const MemberReader reader("'global'", "/global", specs.mistakes);
    for (const auto& [key, value] : global->get_object()) {
      const auto before = specs.mistakes.size();
      AgentSpec unused;
      reader.read(key, value, unused);
      if (specs.mistakes.size() == before) global_[key] = value;
    }
  }

  void add_over_global(const json::value& one, std::string_view known_as, const std::string& pointer) {
    if (!one.is_object()) return fail(pointer, "each of 'agent_configs' must be a mapping");
    json::value merged = global_;
    deep_merge(merged, one);
    add(merged.get_object(), known_as, pointer);
  }

  void add(const json::object& one, std::string_view known_as, const std::string& pointer) {
    auto spec = read_agent_spec(one, known_as, specs.mistakes, pointer);
    if (!spec.config.empty())
      fail(pointer_below(pointer, "config"),
           "agent '" + spec.name + "': a config inherits with 'base'; 'config' is for tactics");
    if (!spec.name.empty())
      for (const auto& other : specs.all)
        if (other.name == spec.name) fail(pointer, "two agents are called '" + spec.name + "'");
    specs.all.push_back(std::move(spec));
  }

  json::object global_;
};

}  // namespace

AgentSpec read_agent_spec(const json::object& data, std::string_view name,
                          std::vector<AgentSpecMistake>& mistakes, const std::string& pointer) {
  AgentSpec spec;
  const auto own_name = text_at(data, "name");
  spec.name = own_name.empty() ? name : own_name;
  const auto who = "agent '" + spec.name + "'";
  const MemberReader reader(who, pointer, mistakes);
  for (const auto& [key, value] : data) {
    if (reader.read(key, value, spec)) continue;
    spec.unknown_keys.emplace_back(key);
    // What is written below `model_args` wins, wherever it stands.
    const auto* args = object_at(data, "model_args");
    if (args == nullptr || !args->contains(key)) spec.model_args[key] = value;
  }
  if (spec.name.empty()) mistakes.push_back({pointer, "an agent needs a 'name'"});
  if (!spec.system_prompt.empty() && !spec.system_prompt_path.empty())
    reader.fail("system_prompt_path", " has both 'system_prompt' and 'system_prompt_path': keep one");
  return spec;
}

AgentSpecs read_agent_specs(const json::value& config, std::string_view name) {
  ConfigReader reader;
  reader.read(config, name);
  return std::move(reader.specs);
}

Result<std::vector<AgentSpec>> parse_agent_specs(const json::value& config, std::string_view name) {
  auto read = read_agent_specs(config, name);
  if (!read.mistakes.empty()) return Error(ErrorKind::bad_resource, read.mistakes.front().message);
  return std::move(read.all);
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
