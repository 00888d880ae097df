#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "lllm/base/json.hpp"
#include "lllm/core/awaitable.hpp"
#include "lllm/core/tool.hpp"
#include "lllm/mcp/protocol.hpp"
#include "lllm/mcp/stats.hpp"
#include "lllm/net/tls.hpp"
#include "lllm/runtime/backends.hpp"

namespace lllm {

/// Which server, and what it may take.
struct McpClientOptions {
  McpClientOptions() = default;
  explicit McpClientOptions(McpEndpoint endpoint) : server(std::move(endpoint)) {}

  McpEndpoint server;
  std::chrono::milliseconds timeout{60'000};        ///< Of each request, unless it says otherwise.
  std::chrono::milliseconds start_timeout{60'000};  ///< From the start of a child, or the first request, …
                                                    ///< until the server is ready.
  /// How long a child has to end when its input is closed, and again when it is asked to (SIGTERM).
  std::chrono::milliseconds close_grace{1'000};
  std::size_t max_message = 4 * 1024 * 1024;  ///< Bytes of one message from the server.
  /// Outstanding at once. One more fails with `resource_exhausted`; over HTTP it waits.
  std::size_t max_calls = 1'000;
  std::size_t max_tools = 10'000;  ///< In the server's list.
  TlsOptions tls;
};

/// Lists and calls the tools of one Model Context Protocol server: a child process (`command`), or a server
/// over streamable HTTP (`url`).
///
///     lllm::McpEndpoint server;
///     server.command = {"npx", "-y", "@modelcontextprotocol/server-everything"};
///     lllm::McpClient client(executor, lllm::McpClientOptions(server));
///     for (const auto& tool : co_await client.tools()) prompt.tools.push_back(tool);
///
/// It connects with the first call, and again with the next one when the server was lost: concurrent calls
/// share one session. Any number of calls may be under way at once. A call that a server may have taken is
/// not made again, but for one that it says it has not looked at (HTTP 404: it has forgotten the session).
/// Nothing is pending on the io_context while no call is under way: a child is listened to during calls only.
///
/// Thread-safety: it lives on one executor, an io_context that one thread runs, or a strand, where it is made
/// and destroyed; calls may be made from any coroutine on any executor, and move over by themselves.
/// Lifetime: the executor's context outlives it, and so does a caller's, where that is another one: as
/// LiteLLMInvoker has it. It may be destroyed with calls under way: they end with
/// `cancelled`. A child is then killed; close() ends it in good order.
///
/// Errors. Besides those that are listed: `deadline_exceeded` after the request's timeout (the session stays
/// usable), `cancelled`, `unsupported` for a server of other revisions of the protocol or of the older
/// HTTP+SSE, `bad_reply`, `limit_exceeded`. Of a child: `io_failed` when it cannot be started,
/// `connection_lost` when it ends; how it ended is in the message, its last words on standard error are the
/// provider's text. Over HTTP: what HttpClient throws, `permission_denied` for a private address,
/// `authentication` (401), `permission_denied` (403) and other kinds by the status, `incomplete_reply`,
/// `configuration` when the variable of the key is not set. What the server answers as an error has its code
/// as provider code. Messages name the server by its program or host, and never hold keys or its words.
///
/// Cancellation, of all: terminal. The server is told that the call was given up; no other call is harmed.
///
/// Spec: Model Context Protocol, revisions 2024-11-05 to 2025-11-25: lifecycle, transports, tools.
class McpClient {
 public:
  /// Connects to nothing yet. @throws Exception invalid_argument for an endpoint without, or with more than,
  /// one of URL and command, and for a URL that is none or holds credentials; configuration for TLS options.
  McpClient(asio::any_io_executor executor, McpClientOptions options);
  ~McpClient();
  McpClient(const McpClient&) = delete;
  McpClient& operator=(const McpClient&) = delete;

  /// The server's tools, which call through this client, and fail once it is gone. Their names are such as
  /// models may call; the server gets its own. Listed once in a session, and again where the server may have
  /// changed them.
  asio::awaitable<std::vector<Tool>> tools();
  /// Calls a tool by the server's own name for it. A failure that the tool reports is a failed result; one
  /// that the protocol reports (an unknown tool) is thrown. @param timeout  0: for ever.
  asio::awaitable<ToolResult> call_tool(std::string name, json::object arguments,
                                        std::optional<std::chrono::milliseconds> timeout = std::nullopt);
  /// Who the server says it is.
  asio::awaitable<McpServerInfo> server_info();

  /// Ends the session: asks the server to forget it, or closes the child's input, waits, asks it to end,
  /// waits, and kills it. Calls under way end with `cancelled`, later ones with `tool_failed`.
  asio::awaitable<void> close();
  [[nodiscard]] McpClientStats stats() const;

  struct Core;

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace lllm
