#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lllm/formats/url.hpp"
#include "lllm/mcp/errands.hpp"
#include "lllm/mcp/session.hpp"
#include "lllm/net/http_client.hpp"
#include "lllm/runtime/backends.hpp"

namespace lllm {

/// A server over streamable HTTP: one POST for each message, its answer as JSON or as an event stream.
///
/// The stream that a client may ask for with GET is not opened: it would bring only what was not asked for,
/// and lllm offers a server nothing to ask for. It would hold a connection, and the io_context, between
/// calls. The one thing it could bring that matters, that tools have changed, is asked for instead. Nor is a
/// broken stream resumed: the specification leaves it to servers whether one can be.
class StreamableHttpSession final : public McpSession,
                                    public std::enable_shared_from_this<StreamableHttpSession> {
 public:
  StreamableHttpSession(std::shared_ptr<HttpClient> http, std::shared_ptr<Errands> errands,
                        std::shared_ptr<const McpEndpoint> endpoint, Url url, std::size_t max_message,
                        std::string name, std::shared_ptr<McpNews> news);

  asio::awaitable<std::optional<RpcMessage>> request(McpRequest request) override;
  asio::awaitable<void> notify(std::string message, std::chrono::steady_clock::time_point deadline) override;
  void began(const McpServerInfo& info) override { version_ = info.protocol_version; }
  bool usable() override { return !over_; }
  [[nodiscard]] bool hears_changes() const override { return false; }
  /// Asks the server to forget it.
  asio::awaitable<void> close() override;
  void stop() override { over_ = true; }

 private:
  struct EventStream;

  [[nodiscard]] HttpRequest made(const char* method, std::string body) const;
  asio::awaitable<HttpExchange> send(HttpRequest request, std::chrono::steady_clock::time_point deadline);
  asio::awaitable<std::optional<RpcMessage>> exchange(const McpRequest& request);
  asio::awaitable<RpcMessage> read_json(HttpExchange& exchange, const McpRequest& request);
  asio::awaitable<RpcMessage> read_events(HttpExchange exchange, const McpRequest& request);
  asio::awaitable<void> refuse(HttpExchange& exchange, const std::string& method);
  /// The answer to `request`, if it is in there.
  [[nodiscard]] std::optional<RpcMessage> take(std::string_view text, const McpRequest* request);
  void take_session_id(const HttpHeaders& headers);
  bool forgotten(int status);
  static asio::awaitable<void> tell(std::shared_ptr<StreamableHttpSession> self, std::string message);
  static asio::awaitable<void> read_rest(std::shared_ptr<StreamableHttpSession> self,
                                         std::shared_ptr<EventStream> stream);

  std::shared_ptr<HttpClient> http_;
  std::shared_ptr<Errands> errands_;
  std::shared_ptr<const McpEndpoint> endpoint_;
  Url url_;
  std::size_t max_message_;
  std::string name_;
  std::shared_ptr<McpNews> news_;
  std::string id_;       // the server's own for this session; empty: it needs none
  std::string version_;  // once it has begun
  bool over_ = false;    // forgotten by the server, or given up
};

}  // namespace lllm
