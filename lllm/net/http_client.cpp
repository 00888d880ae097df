#include "lllm/net/http_client.hpp"

#include <cstdlib>
#include <stop_token>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "lllm/base/time.hpp"
#include "lllm/formats/host_and_port.hpp"
#include "lllm/net/connect.hpp"
#include "lllm/net/connection.hpp"
#include "lllm/net/connection_pool.hpp"
#include "lllm/net/http_exchange_state.hpp"

namespace lllm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto as_values = asio::as_tuple(asio::deferred);

/// A body up to this size is copied behind its head and sent with it; a larger one is sent from where it is.
constexpr std::size_t most_copied_body = 16 * 1024;

ConnectionPool::Limits pool_limits(const HttpClientOptions& options) {
  return {options.max_connections_per_origin, options.max_idle_per_origin, options.max_idle_age};
}

ProxyRules environment_proxies() {
  const auto read = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  return proxy_rules(read);
}

}  // namespace

struct HttpClient::Core {
  Core(const asio::any_io_executor& executor, HttpClientOptions given)
      : options(std::move(given)),
        context(std::make_shared<ConnectionContext>(executor)),
        tls(TlsContext::client(options.tls)),
        resolver(std::make_unique<DnsResolver>(executor, options.host_lookup, options.dns_cache)),
        proxies(options.proxies ? *options.proxies : environment_proxies()),
        pool(executor, pool_limits(options)) {}

  asio::awaitable<void> open(ConnectionPool::Lease& lease, const Origin& origin,
                             const HttpTimeouts& timeouts);
  asio::awaitable<Addresses> resolve(const Origin& origin, Clock::time_point give_up);
  /// The proxy for an origin; null: none. Where only public addresses are allowed, we must see the address.
  /// @throws Exception configuration when it cannot be used.
  [[nodiscard]] const HttpProxy* proxy_for(const Origin& origin) const {
    const HttpProxy* proxy = options.public_addresses_only ? nullptr : proxies.find(origin);
    if (proxy != nullptr && proxy->fault) throw_error(*proxy->fault);
    return proxy;
  }

  HttpClientOptions options;
  std::shared_ptr<ConnectionContext> context;
  std::shared_ptr<TlsContext> tls;
  std::unique_ptr<DnsResolver> resolver;
  ProxyRules proxies;
  std::stop_source stop;
  ConnectionPool pool;
  std::size_t unanswered = 0;  // exchanges that wait for the head of their answer
  std::uint64_t connects = 0;
  std::uint64_t exchanges = 0;
  std::uint64_t replays = 0;
};

// --- opening a connection ---------------------------------------------------------------------------------

asio::awaitable<Addresses> HttpClient::Core::resolve(const Origin& origin, Clock::time_point give_up) {
  Addresses addresses = co_await resolver->resolve(origin.host, give_up);
  if (options.public_addresses_only) {
    const auto refused = [](const asio::ip::address& address) { return !is_public(address); };
    // One private address among public ones is an attack, or a mistake that must not depend on luck.
    if (std::any_of(addresses.begin(), addresses.end(), refused))
      throw_error(
          ErrorKind::permission_denied,
          "host '" + origin.host + "' is not public: it leads to a private, local or reserved address");
  }
  co_return addresses;
}

namespace {

/// Asks the proxy for a tunnel to `origin`.
asio::awaitable<void> open_tunnel(Connection& connection, const Origin& origin, const HttpProxy& proxy,
                                  const HttpLimits& limits) {
  const std::string target = host_and_port(origin.host, origin.port);
  std::string wire = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (const auto credentials = proxy.authorization(); !credentials.empty())
    wire += "Proxy-Authorization: " + credentials.reveal() + "\r\n";
  wire += "\r\n";
  co_await connection.write(wire, {});

  const std::string name = "the proxy " + proxy.origin.authority();
  HttpResponseReader reader("HEAD", limits);  // an answer to CONNECT has no body that concerns us
  while (!reader.head_complete()) {
    if (connection.data().empty()) {
      if (connection.ended()) throw_error(ErrorKind::proxy_failed, name + " hung up on CONNECT");
      if (connection.must_wait()) {
        auto arrival = connection.arrival(as_values);
        const auto [failure] = co_await std::move(arrival);
        connection.arrived(failure);
      }
      connection.receive();
      continue;
    }
    const auto used = reader.read_head(connection.data());
    if (!used) throw_error(ErrorKind::proxy_failed, name + " broke HTTP: " + used.error().message());
    connection.consume(*used);
  }
  const int status = reader.head().status;
  if (status == 407 || status == 401)  // which is tinyproxy's
    throw_error(
        Error(ErrorKind::proxy_failed, name + " wants other credentials (" + std::to_string(status) + ')')
            .status(status));
  if (status / 100 != 2)
    throw_error(Error(ErrorKind::proxy_failed,
                      name + " refused a tunnel to " + target + " (" + std::to_string(status) + ')')
                    .status(status));
  if (!connection.data().empty())
    throw_error(ErrorKind::proxy_failed, name + " sent bytes behind its answer to CONNECT");
}

}  // namespace

asio::awaitable<void> HttpClient::Core::open(ConnectionPool::Lease& lease, const Origin& origin,
                                             const HttpTimeouts& timeouts) {
  if (!resolver) throw_error(ErrorKind::cancelled, "the HTTP client was closed");
  const HttpProxy* proxy = proxy_for(origin);
  const Origin& next = proxy == nullptr ? origin : proxy->origin;
  const auto deadline = timeouts.deadline.value_or(Deadline::never);
  const auto connect_end =
      timeouts.connect.count() > 0 ? time_after(Clock::now(), timeouts.connect) : Deadline::never;
  const std::string hop = (proxy == nullptr ? "" : "the proxy ") + host_and_port(next.host, next.port);
  std::optional<asio::ip::tcp::socket> socket;
  try {
    const auto give_up = std::min(deadline, connect_end);
    Addresses addresses = co_await resolve(next, give_up);
    auto opened = co_await connect_any(context->executor, std::move(addresses), next.port, give_up, hop,
                                       stop.get_token());
    socket.emplace(std::move(opened));
  } catch (const Exception& failure) {
    const bool out_of_time =
        failure.kind() == ErrorKind::connect_timeout || failure.error().code() == asio::error::timed_out;
    if (out_of_time && deadline <= connect_end)
      throw_error(ErrorKind::deadline_exceeded,
                  "the deadline of the call ran out while connecting to " + hop);
    throw;
  }
  ++connects;
  std::string peer = hop;
  if (proxy != nullptr && origin.is_tls())
    peer = host_and_port(origin.host, origin.port) + " (through " + hop + ')';
  lease.attach(std::make_unique<Connection>(context, std::move(*socket), std::move(peer)));
  if (!origin.is_tls()) co_return;
  Connection& connection = *lease.connection();
  connection.call_deadline(deadline);
  if (proxy != nullptr) {
    connection.allow(timeouts.connect, ErrorKind::connect_timeout);
    co_await open_tunnel(connection, origin, *proxy, options.limits);
  }
  connection.allow(timeouts.tls, ErrorKind::tls_timeout);
  co_await connection.start_tls(tls, origin.host);
}

// --- one exchange -----------------------------------------------------------------------------------------

namespace {

/// Sends the request. False when an answer came before the request was through: the connection then serves no
/// other call.
asio::awaitable<bool> send_request(Connection& connection, std::string_view wire, std::string_view body,
                                   std::size_t done) {
  try {
    co_return co_await connection.write(wire, body, done, true);
  } catch (const Exception& failure) {
    if (failure.kind() != ErrorKind::connection_lost || connection.failure()) throw;
    // The server hung up on the request; it may have said why before.
    try {
      connection.receive();
    } catch (const Exception&) {
    }
    if (connection.data().empty()) throw;
  }
  co_return false;
}

/// Counts an exchange as unanswered while it lives.
class Unanswered {
 public:
  explicit Unanswered(HttpClient::Core& core) : core_(core) { ++core_.unanswered; }
  ~Unanswered() { --core_.unanswered; }
  Unanswered(const Unanswered&) = delete;
  Unanswered& operator=(const Unanswered&) = delete;

 private:
  HttpClient::Core& core_;
};

/// A proxy that forwards plain HTTP speaks for itself with 407; tinyproxy says 401, with a page that no API
/// would send.
bool refuses_credentials(const HttpResponseHead& head) {
  return head.status == 407 || (head.status == 401 && has_media_type(head.headers, "text/html"));
}

/// A request for a proxy that forwards plain HTTP.
void append_head_for(const HttpProxy& proxy, std::string& wire, const HttpRequest& request,
                     std::size_t body_size) {
  HttpHeaders for_proxy;
  if (const auto credentials = proxy.authorization(); !credentials.empty())
    for_proxy.add("Proxy-Authorization", credentials.reveal());
  append_request_head(wire, request, body_size, RequestForm::absolute, for_proxy);
}

asio::awaitable<HttpExchange> exchange(std::shared_ptr<HttpClient::Core> core,
                                       const PreparedRequest& prepared, std::string_view body,
                                       HttpTimeouts timeouts, HttpWatcher* watcher = nullptr) {
  const auto started = Clock::now();
  // A busy client reads all answers that are there before it sends: requests then leave in a burst, for which
  // a server on this machine, or a proxy, is woken once.
  constexpr std::size_t busy = 8;
  const Unanswered counted(*core);
  if (core->unanswered > busy && core->context->readiness->in_turn()) {
    auto turn = core->context->readiness->end_of_turn(as_values);
    co_await std::move(turn);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      throw_error(ErrorKind::cancelled, "the call was cancelled");
  }
  const HttpRequest& request = prepared.request();
  std::string wire;
  const bool copies_body = body.size() <= most_copied_body;
  wire.reserve(512 + (copies_body ? body.size() : 0));
  const HttpProxy* proxy = request.origin.is_tls() ? nullptr : core->proxy_for(request.origin);
  if (proxy == nullptr)
    prepared.append_head(wire, body.size());
  else
    append_head_for(*proxy, wire, request, body.size());
  if (copies_body) wire += body;

  auto state = std::make_unique<HttpExchange::State>(core, core->options, request.method, timeouts.idle);
  const auto deadline = timeouts.deadline.value_or(Deadline::never);
  HttpTimings& timings = state->timings;
  try {
    state->lease = core->pool.try_acquire(request.origin);
    if (!state->lease) state->lease = co_await core->pool.acquire(request.origin, deadline);
    timings.queued = Clock::now() - started;
    timings.reused = state->lease.connection() != nullptr;
    while (true) {
      if (state->lease.connection() == nullptr) co_await core->open(state->lease, request.origin, timeouts);
      Connection& connection = *state->lease.connection();
      timings.connected = Clock::now() - started;
      timings.tls_resumed = connection.resumed();
      if (watcher != nullptr) watcher->connected(timings);
      const bool may_replay = timings.reused && !timings.replayed;
      try {
        connection.call_deadline(deadline);
        std::size_t done = 0;
        // A large body may be answered before it is through: that takes the careful way from its first byte.
        if (!copies_body || !connection.try_write(wire, {}, done)) {
          connection.allow(timeouts.write, ErrorKind::write_timeout);
          const std::string_view rest = copies_body ? std::string_view() : body;
          state->reusable = co_await send_request(connection, wire, rest, done);
        }
        connection.allow(timeouts.first_byte, ErrorKind::first_byte_timeout);
        while (!state->head_in_hand()) {
          if (connection.must_wait()) {
            auto arrival = connection.arrival(as_values);
            const auto [failure] = co_await std::move(arrival);
            connection.arrived(failure);
          }
          connection.receive();
        }
        break;
      } catch (const Exception& failure) {
        // A kept connection that the server had closed: nothing of an answer came, so nothing was done twice.
        const bool died_unused = failure.kind() == ErrorKind::connection_lost && !state->reader.started() &&
                                 connection.data().empty() && !connection.failure();
        if (!may_replay || !died_unused) throw;
      }
      timings.replayed = true;
      timings.reused = false;
      ++core->replays;
      state->reusable = true;
      state->lease.drop_connection();
    }
  } catch (const boost::system::system_error& failure) {
    throw_exchange_failure(failure);
  }
  timings.first_byte = Clock::now() - started;
  ++core->exchanges;
  if (proxy != nullptr && refuses_credentials(state->reader.head()))
    throw_error(Error(ErrorKind::proxy_failed, "the proxy " + proxy->origin.authority() +
                                                   " wants other credentials (" +
                                                   std::to_string(state->reader.head().status) + ')')
                    .status(state->reader.head().status));
  state->unpack();
  co_return HttpExchange(std::move(state));
}

asio::awaitable<HttpExchange> exchange_owned(std::shared_ptr<HttpClient::Core> core, HttpRequest request,
                                             HttpTimeouts timeouts) {
  const std::string body = std::move(request.body);
  const PreparedRequest prepared = PreparedRequest::make(std::move(request)).value();
  auto pending = exchange(std::move(core), prepared, body, timeouts);
  co_return co_await std::move(pending);
}

}  // namespace

// --- the client -------------------------------------------------------------------------------------------

HttpClient::HttpClient(asio::any_io_executor executor, HttpClientOptions options)
    : core_(std::make_shared<Core>(executor, std::move(options))) {}

HttpClient::~HttpClient() {
  close();
}

asio::awaitable<HttpExchange> HttpClient::send(HttpRequest request, HttpTimeouts timeouts) {
  return exchange_owned(core_, std::move(request), timeouts);
}

asio::awaitable<HttpExchange> HttpClient::send_prepared(const PreparedRequest& request, std::string_view body,
                                                        HttpTimeouts timeouts, HttpWatcher* watcher) {
  return exchange(core_, request, body, timeouts, watcher);
}

void HttpClient::close() {
  core_->pool.close();
  core_->stop.request_stop();
  core_->resolver.reset();
}

void HttpClient::close_idle() {
  core_->pool.close_idle();
}

HttpClientStats HttpClient::stats() const {
  HttpClientStats stats;
  stats.open = core_->pool.open();
  stats.idle = core_->pool.idle();
  stats.waiting = core_->pool.waiting();
  stats.connects = core_->connects;
  stats.exchanges = core_->exchanges;
  stats.replays = core_->replays;
  return stats;
}

}  // namespace lllm
