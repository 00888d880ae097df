#include "lllm/agent/run_tactic.hpp"

#include <chrono>

#include "lllm/agent/make_agent.hpp"
#include "lllm/async/gather.hpp"
#include "lllm/base/text.hpp"
#include "lllm/core/prompt.hpp"
#include "lllm/runtime/load.hpp"

namespace lllm {
namespace {

constexpr std::size_t side_by_side = 16;
constexpr int deepest = 8;

/// What one run has come to; outlives its steps.
struct Run {
  Run(Tactic what, TacticInput asked) : tactic(std::move(what)), input(std::move(asked)) {}
  Tactic tactic;
  TacticInput input;
  json::object variables;
  std::string previous;  // empty: no step was made yet
};

/// What the agent is told. `run` outlives the call.
asio::awaitable<void> brief(Agent& agent, const TacticAgent& declared, const Run& run, Runtime& runtime) {
  const bool first = run.previous.empty();
  if (!declared.prompt.empty()) {
    const auto ref = ref_in_package(runtime, declared.prompt, "prompt", declared.spec.package);
    auto loading = load_prompt(ref, runtime);
    auto prompt = co_await std::move(loading);
    agent.receive_prompt(std::move(prompt), run.variables);
  } else if (!declared.message.empty()) {
    const Prompt message(run.tactic.name + '/' + declared.spec.name, declared.message);
    agent.receive(message.render(run.variables).value());
  } else {
    agent.receive(first ? run.input.task : run.previous);
  }
}

asio::awaitable<TacticStep> take_turn(const TacticAgent& declared, const Run& run, BaseInvoker& invoker,
                                      Runtime& runtime) {
  const auto start = std::chrono::steady_clock::now();
  TacticStep step;
  step.agent = declared.spec.name;
  std::optional<Error> failure;
  try {
    AgentSpec spec = declared.spec;
    for (const auto& [name, value] : run.variables)
      if (!spec.system_args.contains(name)) spec.system_args[name] = value;
    auto making = make_agent(std::move(spec), invoker, runtime, run.input.depth);
    Agent agent = co_await std::move(making);
    auto briefing = brief(agent, declared, run, runtime);
    co_await std::move(briefing);
    auto responding = agent.respond();
    step.message = co_await std::move(responding);
    step.usage = agent.session().usage();
    step.cost = agent.session().cost();
  } catch (const Exception& e) {
    if (e.kind() == ErrorKind::cancelled || e.kind() == ErrorKind::deadline_exceeded) throw;
    failure = e.error();
  }
  if (failure) {
    failure->message("tactic '" + run.tactic.name + "', agent '" + step.agent + "': " + failure->message());
    throw_error(*failure);
  }
  step.took = std::chrono::steady_clock::now() - start;
  co_return step;
}

/// What a step said: one agent's words, or several under their names.
std::string words_of(const std::vector<TacticStep>& steps) {
  if (steps.size() == 1) return steps.front().message.text();
  std::vector<std::string> parts;
  for (const auto& step : steps) parts.push_back("## " + step.agent + "\n" + step.message.text());
  return join(parts, "\n\n");
}

asio::awaitable<ToolResult> call_tactic(Tactic tactic, json::object arguments, BaseInvoker* invoker,
                                        Runtime* runtime, int depth) {
  TacticInput input;
  input.task = std::string(text_at(arguments, "task"));
  input.args = std::move(arguments);
  input.depth = depth + 1;
  auto running = run_tactic(std::move(tactic), std::move(input), *invoker, *runtime);
  auto result = co_await std::move(running);
  co_return ToolResult(std::move(result.text));
}

}  // namespace

asio::awaitable<TacticResult> run_tactic(Tactic tactic, TacticInput input, BaseInvoker& invoker,
                                         Runtime& runtime) {
  if (input.depth > deepest)
    throw_error(ErrorKind::tool_failed,
                "tactic '" + tactic.name + "': tactics call one another more than 8 deep");
  if (tactic.function) {
    const auto function = tactic.function;  // it may replace its own registration
    auto running = function(std::move(input), invoker, runtime);
    co_return co_await std::move(running);
  }
  Run run(std::move(tactic), std::move(input));
  run.variables = run.input.args;
  run.variables["task"] = json::string(run.input.task);
  run.variables["previous"] = json::string(run.input.task);
  TacticResult result;
  for (const auto& names : run.tactic.order) {
    std::vector<asio::awaitable<TacticStep>> turns;
    for (const auto& name : names) {
      const auto* agent = run.tactic.agent(name);
      if (agent == nullptr)
        throw_error(ErrorKind::bad_resource, "tactic '" + run.tactic.name + "' has no agent '" + name + "'");
      turns.push_back(take_turn(*agent, run, invoker, runtime));
    }
    auto taking = gather(std::move(turns), side_by_side);
    auto steps = co_await std::move(taking);
    for (const auto& step : steps) run.variables[step.agent] = json::string(step.message.text());
    run.previous = words_of(steps);
    run.variables["previous"] = json::string(run.previous);
    for (auto& step : steps) result.steps.push_back(std::move(step));
  }
  result.text = std::move(run.previous);
  co_return result;
}

asio::awaitable<TacticResult> run_tactic(std::string ref, TacticInput input, BaseInvoker& invoker,
                                         Runtime& runtime) {
  auto loading = load_tactic(std::move(ref), runtime);
  const auto tactic = co_await std::move(loading);
  auto running = run_tactic(*tactic, std::move(input), invoker, runtime);
  co_return co_await std::move(running);
}

Tool tactic_tool(const Tactic& tactic, BaseInvoker& invoker, Runtime& runtime, int depth) {
  json::object parameters = tactic.parameters.value();
  if (parameters.empty()) {
    const json::object task{{"type", "string"}, {"description", "What to do, in words"}};
    parameters = {
        {"type", "object"}, {"properties", json::object{{"task", task}}}, {"required", json::array{"task"}}};
  }
  return Tool(tactic.name, tactic.description, std::move(parameters),
              [tactic, &invoker, &runtime, depth](json::object arguments) {
                return call_tactic(tactic, std::move(arguments), &invoker, &runtime, depth);
              });
}

}  // namespace lllm
