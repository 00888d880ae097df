#pragma once

#include <set>
#include <string>
#include <vector>

#include "lllm/core/awaitable.hpp"
#include "lllm/core/prompt.hpp"

namespace lllm {

/// The tools of a prompt's MCP servers that are child processes (`command`); those with a URL are the
/// provider's to use. The servers are started when they do not run yet, and live as long as the io_context.
/// A tool whose name is among `taken`, or another server's, gets its server's name before its own: no server
/// takes the place of a tool that is none of its.
///
/// A server's options: `env` (a mapping), `pass_env`, `directory`, and `allowed_tools` (their names, as
/// McpClient::tools() has them; default: all).
/// @throws Exception `configuration` for other options, what McpClient throws. Cancellation: terminal.
asio::awaitable<std::vector<Tool>> server_tools(PromptPtr prompt, std::set<std::string> taken);

}  // namespace lllm
