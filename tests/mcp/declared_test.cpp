// Tools that a package declares under [mcp].
#include <stdlib.h>

#include "tests/mcp/http_world.hpp"
#include "tests/tools/support.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

std::string command(const std::string& mode = "plain") {
  return "command = ['" + (build_root() / "tests/mcp/scripted_server").string() + "', '" + mode + "']\n";
}

/// A package of tools of one server, each under its name there.
std::string tools_of(const std::string& server, const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names)
    text += "[[tool]]\nname = '" + name + "'\ndescription = 'd'\n[tool.mcp]\n" + server;
  return text;
}

Tool loaded(DemoPackage& package, const std::string& name) {
  const auto report = package.load();
  REQUIRE_MESSAGE(report.errors.empty(), (report.errors.empty() ? "" : report.errors.front().to_string()));
  return package.runtime.get_tool(name).value();
}

}  // namespace

TEST_SUITE("mcp/mcp_tool") {
  TEST_CASE("declared tools of one server share its child, on each io_context one") {
    DemoPackage package("tools/tool.toml", tools_of(command(), {"pid", "echo", "exit", "absent"}));
    const Tool pid = loaded(package, "tool/pid");
    const Tool echo = package.runtime.get_tool("tool/echo").value();
    const Tool exit = package.runtime.get_tool("tool/exit").value();
    {
      asio::io_context loop;
      asio::io_context other;
      const auto first = call(loop, pid).text;
      CHECK(call(loop, pid).text == first);
      CHECK(call(other, pid).text != first);
      CHECK(call(loop, package.runtime.get_tool("tool/absent").value()).text ==
            "the MCP server '" + (build_root() / "tests/mcp/scripted_server").string() +
                "' answered 'tools/call' with error -32602: no tool is called that");
      const auto died = call(loop, exit, {{"code", 3}});
      CHECK(died.is_error);
      CHECK(holds(died.text, "ended with code 3"));
      CHECK_FALSE(holds(died.text, "canary"));
      CHECK(call(loop, pid).text != first);
      loop.restart();
      loop.run();  // nothing is pending
    }
    CHECK(has_no_child());
  }

  TEST_CASE("what a declaration says of its server holds: name there, folder, environment, time") {
    ::setenv("LLLM_TEST_SECRET", "hunter2", 1);
    ::setenv("LLLM_TEST_PASSED", "passed", 1);
    DemoPackage package("tools/tool.toml",
                        "description = 'd'\n[mcp]\n" + command() +
                            "tool = 'environment'\nenv = { A = 'b' }\npass_env = ['LLLM_TEST_PASSED']\n"
                            "directory = '..'\n");
    asio::io_context loop;
    const auto text = call(loop, loaded(package, "tool")).text;
    CHECK_FALSE(holds(text, "hunter2"));
    CHECK(holds(text, "A=b\n"));
    CHECK(holds(text, "LLLM_TEST_PASSED=passed\n"));
    CHECK(holds(text, "cwd=" + std::filesystem::canonical(package.dir().path()).string()));
    ::unsetenv("LLLM_TEST_SECRET");
    ::unsetenv("LLLM_TEST_PASSED");
    DemoPackage slow("tools/tool.toml",
                     "description = 'd'\n[mcp]\n" + command() + "tool = 'hold'\ntimeout = 0.2\n");
    const auto late = call(loop, loaded(slow, "tool"));
    CHECK(late.is_error);
    CHECK(holds(late.text, " in time (200 ms)"));
    const auto backend = [&] {
      auto made = std::make_shared<McpBackend>();
      made->server.command = {(build_root() / "tests/mcp/scripted_server").string()};
      made->tool = "hold";
      made->timeout = std::chrono::milliseconds(100);
      return made;
    }();
    CHECK(error_on(loop, run_mcp(backend, {})).kind() == ErrorKind::tool_failed);
  }

  TEST_CASE(
      "a declared server over HTTP gets its headers and its key; fault 112: at no private address by "
      "itself") {
    ::setenv("LLLM_TEST_MCP_KEY", "canary-key", 1);
    asio::io_context loop;
    McpOverHttp world(loop);
    const auto declared = [&](const std::string& more) {
      return "description = 'd'\n[parameters.properties.text]\ntype = 'string'\n[mcp]\nurl = '" +
             world.server.url() + "/mcp'\ntool = 'echo'\nheaders = { X-Tenant = 't' }\n" +
             "auth = { env = 'LLLM_TEST_MCP_KEY' }\n" + more;
    };
    DemoPackage refused("tools/tool.toml", declared(""));
    CHECK(holds(call(loop, loaded(refused, "tool"), words("x")).text, "is not public"));
    CHECK(world.requests.empty());
    DemoPackage package("tools/tool.toml", declared("private_addresses = true\n"));
    CHECK(call(loop, loaded(package, "tool"), words("hello")).text == "hello");
    CHECK(world.requests.back().headers.get("X-Tenant") == "t");
    CHECK(world.requests.back().headers.get("Authorization") == "Bearer canary-key");
    ::unsetenv("LLLM_TEST_MCP_KEY");
    CHECK(holds(call(loop, loaded(package, "tool"), words("x")).text, "LLLM_TEST_MCP_KEY is not set"));
  }
}
