#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "lllm/base/error.hpp"
#include "lllm/base/secret.hpp"
#include "lllm/formats/http_message.hpp"
#include "lllm/formats/http_reader.hpp"

namespace lllm {

namespace asio = boost::asio;

/// One request as a handler sees it: whole, body included.
struct HttpServerRequest {
  std::string method;
  std::string target;  ///< As on the request line, with the query.
  HttpHeaders headers;
  std::string body;
  std::string peer;  ///< "127.0.0.1:51234".

  HttpServerRequest() = default;
  /// The target without its query.
  [[nodiscard]] std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
};

/// Answers one request: `send`, or `start` with `write`s and a `finish`. Not to be kept beyond the handler.
/// Every function throws connection_lost when the client has gone, cancelled when the server stops.
class HttpResponder {
 public:
  struct Session;
  explicit HttpResponder(Session& session) : session_(session) {}

  /// A whole answer; Content-Length is added.
  asio::awaitable<void> send(int status, HttpHeaders headers, std::string body);
  /// The head of an answer whose body comes in chunks (a server-sent event stream, for one).
  asio::awaitable<void> start(int status, HttpHeaders headers);
  /// Sends `bytes` as one chunk, at once; waits while the client does not read. `bytes` must outlive the
  /// wait.
  asio::awaitable<void> write(std::string_view bytes);
  /// Ends the chunked answer; the handler's return does so too.
  asio::awaitable<void> finish();
  /// Sends bytes as they are, whatever they are: for answers that no proper server would give.
  asio::awaitable<void> write_raw(std::string_view bytes);
  /// Ends the connection: with a TCP reset, or in good order with the answer left unfinished.
  void abort();
  void close();
  /// True once anything of an answer was sent.
  [[nodiscard]] bool started() const;

 private:
  Session& session_;
};

using HttpHandler = std::function<asio::awaitable<void>(const HttpServerRequest&, HttpResponder&)>;

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one; see HttpServer::port().
  bool tls = false;        ///< With the given certificate, or one made for localhost on the spot.
  std::string certificate_pem;
  Secret private_key_pem;
  std::string client_ca_pem;  ///< When set, clients must show a certificate signed by it.
  HttpLimits limits;
  std::size_t max_body = 256 * 1024 * 1024;
  std::chrono::milliseconds idle_timeout{0};  ///< For a kept connection's next request; 0: for ever.

  HttpServerOptions() = default;
};

/// A small HTTP/1.1 server: what the fake provider, services and the tests stand on. Confined to its
/// executor; each connection is a coroutine on it, and costs little while it waits.
///
/// A handler whose client hangs up is cancelled (terminal), whatever it waits for, so that nothing is paid
/// for that nobody will read. A client that ends its sending side only counts as gone, as it does with most
/// servers.
class HttpServer {
 public:
  /// Listens at once. An exception that a handler throws before it answered becomes a 500.
  /// @throws Exception io_failed when the address cannot be bound; configuration for a bad certificate.
  HttpServer(asio::any_io_executor executor, HttpHandler handler,
             HttpServerOptions options = HttpServerOptions());
  /// Stops.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// "http://127.0.0.1:40123".
  [[nodiscard]] std::string url() const;
  /// The CA that signed a certificate made on the spot, for the client to trust; empty without one.
  [[nodiscard]] const std::string& ca_pem() const;
  // From any thread:
  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] std::uint64_t requests() const;
  /// Accepts nothing more and ends every connection; handlers are cancelled.
  void stop();

  struct Core;

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace lllm
