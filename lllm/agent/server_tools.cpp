#include "lllm/agent/server_tools.hpp"

#include <algorithm>
#include <optional>

#include <boost/asio/this_coro.hpp>

#include "lllm/base/text.hpp"
#include "lllm/mcp/shared_client.hpp"

namespace lllm {
namespace {

[[noreturn]] void refuse(const McpServer& server, const std::string& what) {
  throw_error(ErrorKind::configuration, "MCP server '" + server.name + "': " + what);
}

std::vector<std::string> texts(const McpServer& server, const std::string& key, const json::value& value) {
  std::vector<std::string> found;
  if (const auto* list = value.if_array())
    for (const auto& element : *list) {
      if (!element.is_string()) refuse(server, "'" + key + "' must be a list of texts");
      found.emplace_back(as_text(&element));
    }
  else
    refuse(server, "'" + key + "' must be a list of texts");
  return found;
}

struct ChildServer {
  McpEndpoint endpoint;
  std::optional<std::vector<std::string>> allowed;
};

/// Strict, as declarations are: a typo must not offer tools that nobody allowed.
ChildServer read_server(const McpServer& server) {
  ChildServer child;
  child.endpoint.command = server.command;
  for (const auto& [name, value] : server.options) {
    const std::string key(name);
    if (key == "allowed_tools") {
      child.allowed = texts(server, key, value);
    } else if (key == "pass_env") {
      child.endpoint.pass_environment = texts(server, key, value);
    } else if (key == "directory" && value.is_string()) {
      child.endpoint.directory = as_text(&value);
    } else if (key == "env" && value.is_object()) {
      for (const auto& [variable, text] : value.get_object())
        child.endpoint.environment.emplace_back(
            variable, text.is_string() ? std::string(as_text(&text)) : to_json(text));
    } else {
      refuse(server, "'" + excerpt(key, 80) +
                         "' is no option of a server with a command, or of another type "
                         "(allowed_tools, directory, env, pass_env)");
    }
  }
  return child;
}

/// The tool under a name that is nobody's yet.
Tool told_apart(const Tool& tool, const std::string& server, std::set<std::string>& taken) {
  if (taken.insert(tool.name()).second) return tool;
  return Tool(mcp_tool_name(server + '_' + tool.name(), taken), tool.description(), tool.parameters().value(),
              [tool](json::object arguments) { return tool.call(std::move(arguments)); });
}

}  // namespace

asio::awaitable<std::vector<Tool>> server_tools(PromptPtr prompt, std::set<std::string> taken) {
  std::vector<Tool> tools;
  if (!prompt) co_return tools;
  const auto executor = co_await asio::this_coro::executor;
  for (const auto& server : prompt->mcp_servers) {
    if (server.command.empty()) continue;
    const ChildServer child = read_server(server);
    const auto client = shared_mcp_client(executor, child.endpoint);
    auto listing = client->tools();
    const auto listed = co_await std::move(listing);
    for (const auto& tool : listed) {
      const bool allowed = !child.allowed || std::find(child.allowed->begin(), child.allowed->end(),
                                                       tool.name()) != child.allowed->end();
      if (allowed) tools.push_back(told_apart(tool, server.name, taken));
    }
  }
  co_return tools;
}

}  // namespace lllm
