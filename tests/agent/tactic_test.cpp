#include "lllm/agent/run_tactic.hpp"

#include <doctest/doctest.h>

#include "lllm/agent/make_agent.hpp"
#include "lllm/base/log.hpp"
#include "lllm/invokers/scripted_invoker.hpp"
#include "lllm/runtime/load.hpp"
#include "tests/runtime/support.hpp"
#include "tests/support/skip.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

/// Says what it was told, after its model's name; waits its turn behind nothing.
class EchoInvoker final : public BaseInvoker {
 public:
  asio::awaitable<InvokeResult> call(Dialog dialog, std::string model, CallOptions) override {
    models.push_back(model);
    dialogs.push_back(dialog);
    InvokeResult result;
    result.message = Message::assistant(model + " on: " + dialog.tail().text());
    result.message.usage.prompt_tokens = 10;
    co_return result;
  }
  std::vector<std::string> models;
  std::vector<Dialog> dialogs;
};

/// An Agent cannot be made of nothing, which co_spawn wants of what it brings.
asio::awaitable<std::shared_ptr<Agent>> held(asio::awaitable<Agent> making) {
  co_return std::make_shared<Agent>(co_await std::move(making));
}

/// A package of a tactic that uses a config, prompts and another agent.
class Desk {
 public:
  Desk() {
    dir_.write("lllm.toml", "[package]\nname = 'desk'\n[prompts]\n[configs]\n[tactics]\n[tools]\n");
    dir_.write("prompts/system.md", "You write for {audience}.");
    dir_.write("prompts/task.md", "Find out about {task}.");
    dir_.write("configs/writer.yaml",
               "model_name: big\nsystem_prompt_path: system\nmodel_args: {temperature: 0.5}\n"
               "max_interrupt_steps: 2\ntools: [count]\n");
    dir_.write("tools/count.toml", "[exec]\nargv = ['true']\n");
    dir_.write("tactics/brief.toml",
               "description = 'Briefs.'\norder = ['researcher', ['optimist', 'sceptic'], 'writer']\n"
               "[parameters]\nrequired = ['task']\n[parameters.properties.task]\ntype = 'string'\n"
               "[parameters.properties.audience]\ntype = 'string'\n"
               "[agents.researcher]\nmodel_name = 'small'\nprompt = 'task'\n"
               "[agents.optimist]\nmodel_name = 'o'\n[agents.sceptic]\nmodel_name = 's'\n"
               "[agents.writer]\nconfig = 'writer'\nmodel_args = { seed = 7 }\n"
               "message = '{optimist} / {sceptic} / {task}'\n");
    load_runtime_blocking(runtime, only(dir_.path()));
  }
  Runtime runtime;

 private:
  TempDir dir_;
};

}  // namespace

TEST_SUITE("agent/run_tactic") {
  TEST_CASE("a declared tactic runs its agents in order, and each knows what came before") {
    Desk desk;
    EchoInvoker invoker;
    const TacticInput input("bees", {{"audience", "children"}});
    const auto result = run_to_end(run_tactic("desk.tactics:brief", input, invoker, desk.runtime));
    REQUIRE(result.steps.size() == 4);
    CHECK(result.steps[0].agent == "researcher");
    CHECK(result.steps[0].message.text() == "small on: Find out about bees.");
    CHECK(result.steps[1].message.text() == "o on: small on: Find out about bees.");
    CHECK(result.steps[3].agent == "writer");
    CHECK(result.text ==
          "big on: o on: small on: Find out about bees. / s on: small on: Find out about bees. / bees");
    CHECK(invoker.dialogs.back().messages().front()->text() == "You write for children.");
    CHECK(result.usage().prompt_tokens == 40);
    CHECK_FALSE(result.cost().has_value());  // unknown is unknown, not 0
  }

  TEST_CASE("the newsroom's tactic writes an item and a headline, across packages") {
    Runtime runtime;
    load_runtime_blocking(runtime, only(source_root() / "examples/packages/newsroom"));
    EchoInvoker invoker;
    const TacticInput input("", {{"notes", "The bridge is open."}});
    const auto result = run_to_end(run_tactic("newsroom.tactics:write_up", input, invoker, runtime));
    REQUIRE(result.steps.size() == 2);
    CHECK(contains(result.steps[0].message.text(), "The bridge is open."));
    CHECK(contains(result.text, "Write a headline for this item:"));
    CHECK(contains(result.text, "The bridge is open."));
    CHECK(runtime.get_service("newsroom.services:desk").value()->url() == "http://127.0.0.1:8700/write-up");
    CHECK(runtime.has("newsroom.tools:agency/latest", "tool"));
    const Tool count = runtime.get_tool("newsroom.tools:count_words").value();
    CHECK(contains(run_to_end(count.call({{"text", "one two; $HOME"}})).text, "3"));
  }

  TEST_CASE("what fails names tactic and agent") {
    Desk desk;
    ScriptedInvoker invoker;
    invoker.then(Error(ErrorKind::authentication, "no key"));
    const auto failed =
        error_of([&] { run_to_end(run_tactic("brief", TacticInput("bees"), invoker, desk.runtime)); });
    CHECK(failed.kind() == ErrorKind::authentication);
    CHECK(contains(failed.message(), "tactic 'brief', agent 'researcher'"));
    EchoInvoker echo;  // the writer's system prompt needs an audience
    const auto missing =
        error_of([&] { run_to_end(run_tactic("brief", TacticInput("bees"), echo, desk.runtime)); });
    CHECK(missing.kind() == ErrorKind::missing_variable);
    CHECK(contains(missing.message(), "agent 'writer'"));
  }

  TEST_CASE("a prompt lists a tactic among its tools, and the agent runs it") {
    Runtime runtime("demo");
    runtime.register_tactic(
        "shout", Tactic("shout", "Says it louder.",
                        [](TacticInput input, BaseInvoker&, Runtime&) -> asio::awaitable<TacticResult> {
                          TacticResult result;
                          result.text = input.task + "!";
                          co_return result;
                        }));
    Prompt system("system", "Use the tool.");
    system.tools.emplace_back("demo.tactics:shout");
    ScriptedInvoker invoker;
    Message calling = Message::assistant("");
    ToolCall call;
    call.id = "1";
    call.name = "shout";
    call.arguments = R"({"task": "hello"})";
    calling.tool_calls = {call};
    invoker.then(ScriptedInvoker::Step(calling)).then("done");
    Agent agent("a", invoker, "m", &runtime);
    agent.system_prompt = std::make_shared<const Prompt>(system);
    agent.receive("Go on.");
    CHECK(run_to_end(agent.respond()).text() == "done");
    REQUIRE(agent.session().tool_runs.size() == 1);
    CHECK(agent.session().tool_runs.front().result.text == "hello!");
  }

  TEST_CASE("tactics that call one another without end are stopped") {
    Runtime runtime("demo");
    int runs = 0;
    runtime.register_tactic("loop", Tactic("loop", "Goes round.",
                                           [&runs](TacticInput input, BaseInvoker& invoker,
                                                   Runtime& all) -> asio::awaitable<TacticResult> {
                                             ++runs;
                                             ++input.depth;
                                             auto deeper = run_tactic("demo.tactics:loop", std::move(input),
                                                                      invoker, all);
                                             co_return co_await std::move(deeper);
                                           }));
    EchoInvoker invoker;
    const auto stopped =
        error_of([&] { run_to_end(run_tactic("loop", TacticInput("x"), invoker, runtime)); });
    CHECK(stopped.kind() == ErrorKind::tool_failed);
    CHECK(runs == 9);
  }

  TEST_CASE("a tactic is not replaced unless it is said so") {
    Runtime runtime("demo");
    runtime.register_tactic("t", Tactic("t", "one", {}));
    CHECK(error_of([&] { runtime.register_tactic("t", Tactic("t", "two", {})); }).kind() ==
          ErrorKind::resource_conflict);
    runtime.register_tactic("t", Tactic("t", "two", {}), {}, true);
    CHECK(run_to_end(load_tactic("demo.tactics:t", runtime))->description == "two");
  }
}

TEST_SUITE("agent/make_agent") {
  TEST_CASE(
      "an agent from a config has its prompt, arguments, limits and tools; unknown keys are warned about") {
    Runtime runtime("demo");
    runtime.register_prompt(Prompt("writer/system", "You write for {audience}."));
    runtime.register_tool("echo", Tool("echo", "Echoes.", {}, {}));
    runtime.register_context_manager("short", std::make_shared<DefaultContextManager>(1000, 10));
    runtime.register_config("base", json::object{{"global", json::object{{"model_name", "gpt-4o-mini"}}}});
    runtime.register_config("agents", parse_json(R"({"base": "base", "agent_configs": [
          {"name": "writer", "system_prompt_path": "writer/system", "system_args": {"audience": "all"},
           "tools": ["echo"], "max_llm_recall": 4, "context_manager": "short", "top_k": 3,
           "model_args": {"temperature": 0.2}}, {"name": "other"}]})")
                                          .value());
    std::vector<std::string> warned;
    set_log_sink([&](LogLevel, std::string_view, std::string_view message) { warned.emplace_back(message); });
    EchoInvoker invoker;
    const auto made = run_to_end(held(load_agent("agents", invoker, runtime, "writer")));
    Agent& agent = *made;
    set_log_sink({});
    REQUIRE(warned.size() == 1);
    CHECK(contains(warned.front(), "'demo.configs:agents': agent 'writer': unknown key 'top_k'"));
    CHECK(agent.model == "gpt-4o-mini");
    CHECK(agent.limits.max_llm_recall == 4);
    CHECK(agent.limits.max_exception_retry == 3);
    CHECK(agent.tools.front().name() == "echo");
    CHECK(agent.options.model_args().at("top_k") == json::value(3));
    CHECK(agent.context_manager == runtime.get_context_manager("short").value());
    agent.receive("Hello");
    CHECK(run_to_end(agent.respond()).text() == "gpt-4o-mini on: Hello");
    CHECK(invoker.dialogs.back().messages().front()->text() == "You write for all.");
    const auto several = error_of([&] { run_to_end(held(load_agent("agents", invoker, runtime))); });
    CHECK(contains(several.message(), "there are: writer, other"));
  }

  TEST_CASE("what an agent lacks is named") {
    Runtime runtime("demo");
    EchoInvoker invoker;
    AgentSpec spec;
    spec.name = "a";
    CHECK(error_of([&] { run_to_end(held(make_agent(spec, invoker, runtime))); }).kind() ==
          ErrorKind::configuration);
    spec.model_name = "m";
    spec.tools = {"serch"};
    const auto missing = error_of([&] { run_to_end(held(make_agent(spec, invoker, runtime))); });
    CHECK(missing.kind() == ErrorKind::resource_not_found);
    CHECK(contains(missing.message(), "agent 'a': no tool 'serch'"));
  }
}
