#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/awaitable.hpp"
#include "lllm/core/cost.hpp"
#include "lllm/core/message.hpp"
#include "lllm/core/schema.hpp"
#include "lllm/formats/document.hpp"
#include "lllm/runtime/agent_spec.hpp"

namespace lllm {

class BaseInvoker;
class Runtime;

/// What a tactic is asked to do.
class TacticInput {
 public:
  TacticInput() = default;
  explicit TacticInput(std::string what, json::object arguments = {})
      : task(std::move(what)), args(std::move(arguments)) {}
  std::string task;   ///< in words
  json::object args;  ///< further variables of its prompts
  int depth = 0;      ///< how many tactics called each other to get here; run_tactic bounds it
};

/// One agent's turn within a tactic.
struct TacticStep {
  TacticStep() = default;
  std::string agent;
  Message message;
  Usage usage;
  std::optional<Money> cost;  ///< of all its calls; empty when no price is known
  std::chrono::nanoseconds took{0};
};

struct TacticResult {
  TacticResult() = default;
  std::string text;  ///< what the last agents said
  std::vector<TacticStep> steps;
  /// Sum over the steps whose cost is known; empty when none is.
  [[nodiscard]] std::optional<Money> cost() const;
  [[nodiscard]] Usage usage() const;
};

/// One agent of a declared tactic.
struct TacticAgent {
  TacticAgent() = default;
  AgentSpec spec;
  std::string prompt;   ///< ref of the prompt it gets as the user's message …
  std::string message;  ///< … or the template itself; neither: the task, or what came before
};

/// Agents that work on one task in a given order. Declared in a file, or a function registered from C++;
/// either way `run_tactic` (agent/run_tactic.hpp) runs it, and a prompt may list its ref among its tools.
class Tactic {
 public:
  /// `invoker` and `runtime` outlive the call.
  using Function =
      std::function<asio::awaitable<TacticResult>(TacticInput input, BaseInvoker& invoker, Runtime& runtime)>;

  Tactic() = default;
  Tactic(std::string tactic_name, std::string about, Function code)
      : name(std::move(tactic_name)), description(std::move(about)), function(std::move(code)) {}

  std::string name;
  std::string description;  ///< also for the model, where it is a tool
  std::string ref;          ///< the qualified ref it was registered under
  Function function;        ///< empty: `agents` in `order`
  std::vector<TacticAgent> agents;
  /// Names of agents; those of one step run side by side.
  std::vector<std::vector<std::string>> order;
  /// Its arguments where it is a tool; empty: `task` only.
  Schema parameters;

  [[nodiscard]] const TacticAgent* agent(std::string_view agent_name) const;
  /// For people: agents with their models and prompts, and the order.
  [[nodiscard]] json::object info() const;
};

/// Reads a tactic:
///
///     description = "Researches a subject and writes it up."
///     order = ["researcher", ["optimist", "sceptic"], "writer"]   # the middle two side by side
///     [agents.researcher]
///     model_name = "gpt-4o-mini"
///     system_prompt_path = "research/system"
///     prompt = "research/task"          # or message = "Find out about {task}"
///     [agents.writer]
///     config = "writer"                 # an agent's config, these keys laid over it
///     message = "Write it up from: {researcher}\n{optimist}\n{sceptic}"
///
/// The variables of an agent's prompt are the arguments, `task`, `previous` (what the step before said) and
/// what each earlier agent said, by its name. Without `prompt` and `message` the first agents get the task,
/// later ones `previous`. A tactic of one agent needs no `order`. The other keys of an agent are AgentSpec's.
/// `bad_resource` with line and column. Pure.
/// @param package  Where refs without one are looked up first.
Result<Tactic> parse_tactic_file(const std::string& path, const std::string& package, Syntax syntax,
                                 std::string_view bytes, std::vector<Error>* others = nullptr);

}  // namespace lllm
