// Uses the tools of an MCP server: lists them, and calls one.
//   ./08_mcp_tools                            a server in this very program, as a child of it
//   ./08_mcp_tools npx -y some-mcp-server     any other
#include <iostream>

#include <lllm/formats/json_rpc.hpp>
#include <lllm/lllm.hpp>

namespace asio = boost::asio;
namespace json = boost::json;

asio::awaitable<void> use(std::vector<std::string> command) {
  lllm::McpEndpoint server;  // or server.url = "https://host/mcp"
  server.command = std::move(command);
  lllm::McpClient client(co_await asio::this_coro::executor, lllm::McpClientOptions(server));

  // They may be put on a prompt, or given to an agent: agent.tools = tools.
  const std::vector<lllm::Tool> tools = co_await client.tools();
  for (const auto& tool : tools) std::cout << tool.name() << ": " << tool.description() << '\n';

  for (const auto& tool : tools) {
    if (tool.name() != "reverse") continue;
    const json::object arguments{{"text", "stressed"}};
    const lllm::ToolResult result = co_await tool.call(arguments);
    std::cout << "stressed -> " << result.text << '\n';
  }
  co_await client.close();
}

// What the child does: one message a line, in and out.
int serve() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto messages = lllm::read_rpc(line);
    if (!messages) return 1;
    const auto& message = messages->front();
    json::object result;
    if (message.method == "initialize") {
      result = {{"protocolVersion", "2025-11-25"},
                {"capabilities", {{"tools", json::object()}}},
                {"serverInfo", {{"name", "example"}, {"version", "1"}}}};
    } else if (message.method == "tools/list") {
      const json::object schema{{"type", "object"}, {"properties", {{"text", {{"type", "string"}}}}}};
      const json::object tool{
          {"name", "reverse"}, {"description", "Turns a text round."}, {"inputSchema", schema}};
      result = {{"tools", json::array{tool}}};
    } else if (message.method == "tools/call") {
      std::string text(lllm::as_text(lllm::find_at(message.value, "/arguments/text")));
      text = std::string(text.rbegin(), text.rend());
      result = {{"content", json::array{json::object{{"type", "text"}, {"text", text}}}}};
    }
    if (message.kind == lllm::RpcMessage::Kind::request)
      std::cout << lllm::write_rpc_result(message.id, result) << std::endl;
  }
  return 0;
}

int main(int argc, char** argv) {
  std::vector<std::string> command(argv + 1, argv + argc);
  if (command == std::vector<std::string>{"serve"}) return serve();
  if (command.empty()) command = {argv[0], "serve"};
  return lllm::run(use(std::move(command)));
}
