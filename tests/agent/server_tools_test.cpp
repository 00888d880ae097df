// Agents whose prompts name MCP servers that are programs.
#include "lllm/agent/server_tools.hpp"

#include "lllm/agent/agent.hpp"
#include "lllm/invokers/scripted_invoker.hpp"
#include "tests/mcp/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

McpServer server(const std::string& name) {
  McpServer made;
  made.name = name;
  made.command = scripted().server.command;
  return made;
}

PromptPtr prompt_with(const std::vector<McpServer>& servers) {
  Prompt prompt("p", "Help.");
  prompt.mcp_servers = servers;
  return std::make_shared<const Prompt>(std::move(prompt));
}

std::vector<std::string> offered(asio::io_context& loop, const PromptPtr& prompt,
                                 const std::set<std::string>& taken = {}) {
  std::vector<std::string> names;
  for (const auto& tool : run_on(loop, server_tools(prompt, taken))) names.push_back(tool.name());
  return names;
}

Message calling(const std::string& tool, const std::string& arguments) {
  Message message = Message::assistant("");
  message.tool_calls = {{"c1", tool, arguments}};
  return message;
}

}  // namespace

TEST_SUITE("agent/server_tools") {
  TEST_CASE("an agent uses the tools of a server that its prompt names, turn after turn") {
    asio::io_context loop;
    ScriptedInvoker invoker;
    Agent agent("a", invoker, "m");
    agent.system_prompt = prompt_with({server("local")});
    for (int turn = 0; turn < 2; ++turn) {
      invoker.then(calling("echo", R"({"text":"hello"})")).then("done");
      agent.receive("go");
      CHECK(run_on(loop, agent.respond()).text() == "done");
      REQUIRE(agent.session().tool_runs.size() == 1);
      CHECK(agent.session().tool_runs.front().result.text == "hello");
    }
    // A server that dies is one failed tool.
    invoker.then(calling("exit", "{}")).then("sorry");
    agent.receive("go");
    CHECK(run_on(loop, agent.respond()).text() == "sorry");
    CHECK(agent.session().tool_runs.front().result.is_error);
    // One that cannot be started is the end of the turn.
    auto absent = server("absent");
    absent.command = {"no-such-program-here"};
    Agent other("b", invoker, "m");
    other.system_prompt = prompt_with({absent});
    other.receive("go");
    const auto error = error_on(loop, other.respond());
    CHECK(error.kind() == ErrorKind::io_failed);
    CHECK(holds(error.message(), "no-such-program-here"));
  }

  TEST_CASE("no server takes the place of another's tool, and only allowed tools are offered") {
    asio::io_context loop;
    CHECK(offered(loop, nullptr).empty());
    CHECK(offered(loop, prompt_with({server("s")}), {"echo"}) ==
          std::vector<std::string>{"s_echo", "exit", "fail", "absent"});
    auto second = server("t.2");
    second.options = {{"allowed_tools", json::array{"fail"}}};
    CHECK(offered(loop, prompt_with({server("s"), second})) ==
          std::vector<std::string>{"echo", "exit", "fail", "absent", "t_2_fail"});
    McpServer remote;
    remote.name = "remote";
    remote.url = "https://mcp.example.com/mcp";  // the provider's
    CHECK(offered(loop, prompt_with({remote})).empty());
  }

  TEST_CASE("a server's options are read strictly") {
    asio::io_context loop;
    auto told = server("s");
    told.options = {{"env", {{"A", "b"}, {"N", 3}}}, {"pass_env", json::array()}, {"directory", "/"}};
    CHECK(offered(loop, prompt_with({told})).size() == 4);
    for (const auto* wrong : {R"({"allowed_tool":["echo"]})", R"({"allowed_tools":"echo"})",
                              R"({"env":["A"]})", R"({"pass_env":[1]})", R"({"headers":{}})"}) {
      CAPTURE(wrong);
      auto refused = server("s");
      refused.options = parse_json(wrong).value().as_object();
      const auto error = error_on(loop, server_tools(prompt_with({refused}), {}));
      CHECK(error.kind() == ErrorKind::configuration);
      CHECK(holds(error.message(), "MCP server 's'"));
    }
  }
}
