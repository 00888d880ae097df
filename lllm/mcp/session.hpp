#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "lllm/formats/json_rpc.hpp"
#include "lllm/mcp/protocol.hpp"
#include "lllm/mcp/stats.hpp"

namespace lllm {

namespace asio = boost::asio;

/// What sessions tell their client.
struct McpNews {
  McpNews() = default;
  McpClientStats stats;
  bool tools_changed = false;
};

/// One request on its way.
struct McpRequest {
  McpRequest() = default;
  std::int64_t id = 0;
  std::string method;
  std::string message;  ///< the whole of it
  std::chrono::steady_clock::time_point deadline;
};

/// A conversation with a server over one transport, from its start to its loss. Confined to one executor.
class McpSession {
 public:
  virtual ~McpSession() = default;
  /// Sends the request and waits for its answer, a result or an error. Nothing: the server has forgotten this
  /// session and has not looked at the request; a new session may be begun for it.
  /// @throws Exception deadline_exceeded, cancelled, and what the transport throws. Cancellation: terminal;
  /// the server is told, as far as that can be done without waiting.
  virtual asio::awaitable<std::optional<RpcMessage>> request(McpRequest request) = 0;
  /// Sends a message that has no answer.
  virtual asio::awaitable<void> notify(std::string message,
                                       std::chrono::steady_clock::time_point deadline) = 0;
  /// The server has answered `initialize`.
  virtual void began(const McpServerInfo& info) = 0;
  /// Whether it can still be used; takes what has come in the meantime, without waiting.
  virtual bool usable() = 0;
  /// Whether news of changed tools reach us while no request is outstanding.
  [[nodiscard]] virtual bool hears_changes() const = 0;
  /// Ends it in good order, within a bounded time. What is outstanding ends with `cancelled`.
  virtual asio::awaitable<void> close() = 0;
  /// Ends it at once.
  virtual void stop() = 0;
};

}  // namespace lllm
