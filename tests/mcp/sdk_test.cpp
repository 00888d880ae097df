// Servers that nobody here wrote: made with the protocol's own SDK. `./dev` fetches it into build/npm.
#include "lllm/formats/url.hpp"
#include "lllm/net/http_client.hpp"
#include "lllm/net/process.hpp"
#include "tests/mcp/support.hpp"
#include "tests/testing/node_client.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> sdk_server(const std::string& how) {
  return {find_program("node").string(), (source_root() / "tests/mcp/sdk_server.mjs").string(),
          (build_root() / "npm").string(), how};
}

ToolResult used(asio::io_context& loop, const std::vector<Tool>& tools, const std::string& name,
                json::object arguments = {}) {
  for (const auto& tool : tools)
    if (tool.name() == name) return run_on(loop, tool.call(std::move(arguments)));
  throw std::runtime_error("no tool " + name);
}

/// What both transports must do alike.
void check_conversation(asio::io_context& loop, McpClient& client) {
  const auto info = run_on(loop, client.server_info());
  CHECK(info.name == "made with the SDK");
  CHECK(info.protocol_version == "2025-11-25");
  CHECK(info.instructions == "Use with care.");
  const auto tools = run_on(loop, client.tools());
  REQUIRE(tools.size() == 6);
  CHECK(used(loop, tools, "add", {{"a", 2}, {"b", 40}}).text == "42");
  CHECK(holds(used(loop, tools, "add", {{"a", "two"}}).text, "Invalid arguments"));
  const auto failed = used(loop, tools, "fail");
  CHECK(failed.is_error);
  CHECK(failed.text == "it cannot be done");
  CHECK(used(loop, tools, "picture").media.size() == 1);

  Pending call(loop, client.call_tool("wait", {}));
  Pending other(loop, client.call_tool("add", {{"a", 1}, {"b", 1}}));
  CHECK(run_until(loop, [&] { return other.done(); }));
  CHECK_FALSE(call.done());
  call.cancel();
  CHECK(run_until(loop, [&] { return call.done(); }));
  CHECK(call.kind() == ErrorKind::cancelled);
  std::string count;
  CHECK(run_until(loop, [&] { return (count = said(loop, client, "cancelled")) == "1"; }));

  CHECK(said(loop, client, "grow") == "grown");
  CHECK(run_on(loop, client.tools()).size() == 7);
  CHECK(client.stats().sessions == 1);
  CHECK(client.stats().unasked_answers == 0);
  CHECK(client.stats().junk_lines == 0);
}

}  // namespace

TEST_SUITE("mcp/sdk") {
  TEST_CASE("the SDK's own server agrees, as a child") {
    LLLM_NEEDS_NODE_PACKAGE("@modelcontextprotocol/sdk");
    asio::io_context loop;
    McpClientOptions options;
    options.server.command = sdk_server("stdio");
    options.close_grace = 5s;
    McpClient client(loop.get_executor(), options);
    check_conversation(loop, client);
    run_on(loop, client.close());
    CHECK(has_no_child());
  }

  TEST_CASE("the SDK's own server agrees, over streamable HTTP, as JSON and as events") {
    LLLM_NEEDS_NODE_PACKAGE("@modelcontextprotocol/sdk");
    asio::io_context loop;
    for (const std::string how : {"json", "events"}) {
      CAPTURE(how);
      ProcessOptions process;
      process.argv = sdk_server(how);
      Process node(loop.get_executor(), process);
      const auto port = std::to_string(std::stoi(run_on(loop, node.read_output())));
      McpClientOptions options;
      options.server.url = "http://127.0.0.1:" + port + "/mcp";
      options.server.private_addresses = true;
      McpClient client(loop.get_executor(), options);
      check_conversation(loop, client);

      HttpClient http(loop.get_executor());
      const auto url = parse_url("http://127.0.0.1:" + port + "/forget").value();
      run_on(loop, http.send(HttpRequest("GET", url.origin, url.target)));
      CHECK(said(loop, client, "add", {{"a", 20}, {"b", 3}}) == "23");
      CHECK(client.stats().sessions == 2);
      CHECK(client.stats().resent == 1);
      run_on(loop, client.close());
    }
  }
}
