#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "lllm/async/dns.hpp"
#include "lllm/base/error.hpp"
#include "lllm/formats/http_message.hpp"
#include "lllm/formats/http_reader.hpp"
#include "lllm/formats/proxy.hpp"
#include "lllm/net/http_exchange.hpp"
#include "lllm/net/tls.hpp"

namespace lllm {

/// How long each step of one exchange may take; 0 is for ever. Each has its own ErrorKind.
struct HttpTimeouts {
  std::chrono::milliseconds connect{10'000};  ///< Name look-up and TCP: dns_failed, connect_timeout.
  std::chrono::milliseconds tls{10'000};      ///< TLS handshake: tls_timeout.
  std::chrono::milliseconds write{60'000};    ///< Sending the request: write_timeout.
  std::chrono::milliseconds first_byte{
      600'000};                             ///< From the request to the answer's head: first_byte_timeout.
  std::chrono::milliseconds idle{120'000};  ///< Between two reads of the body: idle_timeout.
  /// Between two events of a stream, heartbeats aside: progress_timeout. Kept by the invoker, which can tell
  /// them apart.
  std::chrono::milliseconds progress{600'000};
  /// The end of the whole call, waiting for a connection included: deadline_exceeded.
  std::optional<std::chrono::steady_clock::time_point> deadline;

  HttpTimeouts() = default;
};

struct HttpClientOptions {
  TlsOptions tls;
  HttpLimits limits;
  /// 0: as many as there are calls. Calls beyond it wait, in order; so does one that a stream handler makes
  /// while its own stream holds the last connection: until its deadline. Allow one more for such handlers.
  std::size_t max_connections_per_origin = 0;
  std::size_t max_idle_per_origin = 256;  ///< Connections kept for the next call.
  /// Older ones are closed, when the client is used the next time: it keeps no timer for them.
  std::chrono::milliseconds max_idle_age{30'000};
  /// What a gzip or deflate body may unpack to. None is asked for, but some servers and proxies pack all the
  /// same.
  std::size_t max_decoded_body = 64 * 1024 * 1024;
  std::chrono::milliseconds dns_cache{30'000};
  /// For fetching URLs that strangers give: refuses every address that is not public (loopback, private,
  /// link-local, cloud metadata), checked on the address connected to, after the name is resolved.
  /// `permission_denied`.
  bool public_addresses_only = false;
  /// Through which proxies; nothing: as HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say. `ProxyRules()`
  /// is none at all. A call that would go through a proxy that cannot be used fails with `configuration`.
  std::optional<ProxyRules> proxies;
  HostLookup host_lookup;  ///< Instead of the system's; runs on a helper thread.

  HttpClientOptions() = default;
};

/// Told while `send` is under way, on the client's executor. It must not throw.
class HttpWatcher {
 public:
  virtual ~HttpWatcher() = default;
  /// The request is about to be written; twice when it is replayed. `timings` are known up to `connected`.
  virtual void connected(const HttpTimings& timings) = 0;
};

struct HttpClientStats {
  std::size_t open = 0;  ///< Connections, in use and idle.
  std::size_t idle = 0;
  std::size_t waiting = 0;  ///< Calls that wait for a connection.
  std::uint64_t connects = 0;
  std::uint64_t exchanges = 0;
  std::uint64_t replays = 0;
};

/// HTTP/1.1 over TCP and TLS with kept connections. No redirects are followed, no cookies kept.
///
/// Thread-safety: confined to one executor (an io_context that one thread runs, or a strand); calls may
/// overlap at will. It keeps no timer and no work pending while no call is under way.
/// Lifetime: the executor's context outlives the client and its exchanges. Exchanges may outlive the client:
/// they then fail with `cancelled`.
class HttpClient {
 public:
  /// @throws Exception `configuration` when a certificate in the options cannot be read.
  explicit HttpClient(asio::any_io_executor executor, HttpClientOptions options = HttpClientOptions());
  /// Closes: exchanges under way fail with `cancelled`.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Sends the request and waits for the answer's head; any status is an answer, not an error. The client may
  /// be destroyed meanwhile. A connection that turns out to be dead before the first byte of an answer is
  /// replaced once.
  /// @throws Exception invalid_argument (before anything is sent), dns_failed, connect_failed,
  /// connect_timeout,
  ///         tls_failed, tls_untrusted, tls_timeout, proxy_failed, write_timeout, first_byte_timeout,
  ///         deadline_exceeded, connection_lost, resource_exhausted, bad_http, limit_exceeded, cancelled.
  /// Cancellation: terminal; the connection is closed and its place in the pool freed.
  asio::awaitable<HttpExchange> send(HttpRequest request, HttpTimeouts timeouts = HttpTimeouts());

  /// The same for one of many requests that differ in their bodies only. Nothing is copied: the request, the
  /// body and the watcher, if any, must outlive the wait.
  asio::awaitable<HttpExchange> send_prepared(const PreparedRequest& request, std::string_view body,
                                              HttpTimeouts timeouts = HttpTimeouts(),
                                              HttpWatcher* watcher = nullptr);

  /// Ends every exchange with `cancelled` and drops the idle connections. Later calls fail likewise.
  void close();
  /// Drops connections that nobody uses.
  void close_idle();
  [[nodiscard]] HttpClientStats stats() const;

  struct Core;

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace lllm
