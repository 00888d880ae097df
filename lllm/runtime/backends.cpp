#include "lllm/runtime/backends.hpp"

#include <algorithm>

#include "lllm/core/renderer.hpp"

namespace lllm {
namespace {

asio::awaitable<ToolResult> run_http(std::shared_ptr<const HttpBackend> backend, json::object arguments) {
  auto pending = call_http(std::move(backend), std::move(arguments));
  const auto answer = co_await std::move(pending);
  co_return ToolResult(argument_text(answer));
}

template <class Backend>
Tool tool_with(std::string name, std::string description, const Schema& parameters, Backend backend,
               asio::awaitable<ToolResult> (*run)(std::shared_ptr<const Backend>, json::object)) {
  return Tool(std::move(name), std::move(description), parameters.value(),
              [shared = std::make_shared<const Backend>(std::move(backend)), run](json::object arguments) {
                return run(shared, std::move(arguments));
              });
}

}  // namespace

std::vector<std::string> placeholders(std::string_view text) {
  return BraceRenderer().variables(text).value();
}

std::string argument_text(const json::value& value) {
  return value.is_string() ? std::string(as_text(&value)) : to_json(value);
}

Tool http_tool(std::string name, std::string description, Schema parameters, HttpBackend backend) {
  return tool_with(std::move(name), std::move(description), parameters, std::move(backend), run_http);
}
Tool exec_tool(std::string name, std::string description, Schema parameters, ExecBackend backend) {
  return tool_with(std::move(name), std::move(description), parameters, std::move(backend), run_exec);
}
Tool mcp_tool(std::string name, std::string description, Schema parameters, McpBackend backend) {
  return tool_with(std::move(name), std::move(description), parameters, std::move(backend), run_mcp);
}

}  // namespace lllm
