#pragma once

#include <algorithm>

#include "lllm/base/json.hpp"
#include "lllm/core/prompt.hpp"

// What a prompt wants of the provider beside an answer.
namespace lllm {

/// Whether an add-on is asked for; `false` switches it off.
inline bool is_wanted(const json::value& addon) {
  return !(addon.is_bool() && !addon.get_bool());
}

/// Whether an MCP server is named that the provider could reach. One without an address is a child process of
/// ours and no matter of the provider's.
inline bool names_remote_server(const Prompt& prompt) {
  return std::any_of(prompt.mcp_servers.begin(), prompt.mcp_servers.end(),
                     [](const McpServer& server) { return !server.url.empty(); });
}

}  // namespace lllm
