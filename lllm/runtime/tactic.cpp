#include "lllm/runtime/tactic.hpp"

#include <algorithm>
#include <set>

#include <boost/json/value_from.hpp>

#include "lllm/base/text.hpp"
#include "lllm/runtime/backends.hpp"
#include "lllm/runtime/table_reader.hpp"

namespace lllm {
namespace {

TacticAgent read_agent(const TableReader& table, const std::string& name, const std::string& package) {
  TacticAgent agent;
  agent.prompt = table.text("prompt");
  agent.message = table.text("message");
  if (!agent.prompt.empty() && !agent.message.empty())
    table.fail("message", "agent '" + name + "' has both 'prompt' and 'message': keep one");
  json::object data = table.data();
  data.erase("prompt");
  data.erase("message");
  std::vector<AgentSpecMistake> mistakes;
  agent.spec = read_agent_spec(data, name, mistakes);
  // A member is all that their pointers lead to here.
  for (const auto& mistake : mistakes)
    table.fail(mistake.pointer.empty() ? "" : mistake.pointer.substr(1), mistake.message);
  agent.spec.name = name;
  agent.spec.package = package;
  if (agent.spec.model_name.empty() && agent.spec.config.empty())
    table.fail("", "agent '" + name + "' needs 'model_name', or 'config' with one");
  return agent;
}

std::vector<std::vector<std::string>> read_order(const TableReader& root, const Tactic& tactic) {
  std::vector<std::vector<std::string>> order;
  std::set<std::string, std::less<>> seen;
  const auto named = [&](const json::value& value) {
    const std::string name(as_text(&value));
    if (!value.is_string()) root.fail("order", "'order' must list names of agents, and lists of them");
    if (tactic.agent(name) == nullptr)
      root.fail("order", "'order' names '" + name + "', which is no agent here");
    if (!seen.insert(name).second) root.fail("order", "'order' names '" + name + "' twice");
    return name;
  };
  const auto* list = root.find("order")->if_array();
  if (list == nullptr) {
    root.fail("order", "'order' must be a list");
    return order;
  }
  for (const auto& step : *list) {
    std::vector<std::string> together;
    if (const auto* group = step.if_array())
      for (const auto& one : *group) together.push_back(named(one));
    else
      together.push_back(named(step));
    if (together.empty()) root.fail("order", "'order' holds an empty step");
    order.push_back(std::move(together));
  }
  for (const auto& agent : tactic.agents)
    if (!seen.contains(agent.spec.name))
      root.fail("order", "agent '" + agent.spec.name + "' is not in 'order'");
  return order;
}

/// A prompt may only use what is there by the time its agent runs.
void check_messages(const TableReader& agents, const Tactic& tactic) {
  std::set<std::string, std::less<>> known{"task", "previous"};
  if (const auto* properties = object_at(tactic.parameters.value(), "properties"))
    for (const auto& [name, property] : *properties) known.insert(std::string(name));
  for (const auto& step : tactic.order) {
    for (const auto& name : step)
      for (const auto& variable : placeholders(tactic.agent(name)->message))
        if (!known.contains(variable.substr(0, variable.find('.'))))
          agents.table(name).fail(
              "message",
              "'{" + variable + "}' is neither an argument nor an agent that ran before '" + name + "'");
    known.insert(step.begin(), step.end());
  }
}

}  // namespace

std::optional<Money> TacticResult::cost() const {
  std::optional<Money> sum;
  for (const auto& step : steps)
    if (step.cost) sum = sum ? *sum + *step.cost : *step.cost;
  return sum;
}

Usage TacticResult::usage() const {
  Usage sum;
  for (const auto& step : steps) sum += step.usage;
  return sum;
}

const TacticAgent* Tactic::agent(std::string_view agent_name) const {
  for (const auto& one : agents)
    if (one.spec.name == agent_name) return &one;
  return nullptr;
}

json::object Tactic::info() const {
  json::object about{{"name", json::string(name)}, {"description", json::string(description)}};
  if (function) {
    about["agents"] = "chosen by C++ code";
    return about;
  }
  json::array steps;
  for (const auto& step : order) steps.push_back(json::value_from(step));
  json::object list;
  for (const auto& one : agents) {
    json::object row;
    const auto add = [&](const char* key, const std::string& text) {
      if (!text.empty()) row[key] = json::string(text);
    };
    add("config", one.spec.config);
    add("model", one.spec.model_name);
    add("system_prompt", one.spec.system_prompt_path);
    add("prompt", one.prompt);
    add("message", one.message);
    if (!one.spec.tools.empty()) row["tools"] = json::value_from(one.spec.tools);
    list[one.spec.name] = std::move(row);
  }
  about["order"] = std::move(steps);
  about["agents"] = std::move(list);
  return about;
}

Result<Tactic> parse_tactic_file(const std::string& path, const std::string& package, Syntax syntax,
                                 std::string_view bytes, std::vector<Error>* others) {
  const auto read = [&](const TableReader& root) {
    root.only({"description", "order", "agents", "parameters"});
    Tactic tactic;
    tactic.name = path.substr(path.rfind('/') + 1);
    tactic.description = root.text("description");
    if (root.has("parameters")) tactic.parameters = root.parameters("parameters");
    const auto agents = root.table("agents");
    for (const auto& [name, value] : agents.data()) {
      if (!is_tool_name(std::string_view(name)) || name == "task" || name == "previous")
        agents.fail(name, "'" + std::string(name) + "' cannot be an agent's name");
      tactic.agents.push_back(read_agent(agents.table(name), std::string(name), package));
    }
    if (tactic.agents.empty() && root.has("agents"))
      root.fail("agents", "a tactic needs at least one [agents.NAME]");
    if (root.has("order"))
      tactic.order = read_order(root, tactic);
    else if (tactic.agents.size() == 1)
      tactic.order.push_back({tactic.agents.front().spec.name});
    else if (!tactic.agents.empty())
      root.fail("", "'order' is missing: which agent runs first?");
    if (root.mistakes() == 0) check_messages(agents, tactic);
    return tactic;
  };
  return read_table_document(syntax, bytes, read, others);
}

}  // namespace lllm
