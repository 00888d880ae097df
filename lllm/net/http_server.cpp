#include "lllm/net/http_server.hpp"

#include <array>
#include <atomic>
#include <charconv>
#include <list>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/base/log.hpp"
#include "lllm/formats/host_and_port.hpp"
#include "lllm/net/certificates.hpp"
#include "lllm/net/connection.hpp"
#include "lllm/net/hang_up_watch.hpp"

namespace lllm {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr auto as_values = asio::as_tuple(asio::deferred);

std::string name_of(const tcp::endpoint& endpoint) {
  return host_and_port(endpoint.address().to_string(), endpoint.port());
}

}  // namespace

/// One connection and the request it is at.
struct HttpResponder::Session {
  Session(std::shared_ptr<ConnectionContext> context, tcp::socket socket, const std::string& peer)
      : connection(context, std::move(socket), peer),
        watch(std::make_shared<HangUpWatch>(context->deadlines, connection,
                                            [this] { cancel->emit(asio::cancellation_type::terminal); })) {}

  enum class Answer { none, chunked, done };
  Connection connection;
  Answer answer = Answer::none;
  bool head_only = false;   // the request was HEAD
  bool keep_alive = false;  // the client would go on
  std::unique_ptr<asio::cancellation_signal> cancel;
  std::shared_ptr<HangUpWatch> watch;  // of the client, while a handler is at work
};

using Session = HttpResponder::Session;

namespace {

struct WatchEnd {
  HangUpWatch& watch;
  ~WatchEnd() { watch.end(); }
};

}  // namespace

struct HttpServer::Core : std::enable_shared_from_this<HttpServer::Core> {
  Core(const asio::any_io_executor& executor, HttpHandler answer, HttpServerOptions given)
      : options(std::move(given)),
        handler(std::move(answer)),
        context(std::make_shared<ConnectionContext>(executor)),
        acceptor(executor) {}

  void listen();
  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(std::list<Session>::iterator session);
  /// Reads a request; false when the client is done.
  asio::awaitable<bool> read_request(Session& session, HttpServerRequest& request);
  asio::awaitable<void> answer(Session& session, const HttpServerRequest& request);

  HttpServerOptions options;
  HttpHandler handler;
  std::shared_ptr<ConnectionContext> context;
  std::shared_ptr<TlsContext> tls;
  tcp::acceptor acceptor;
  std::uint16_t port = 0;
  std::string ca_pem;
  std::list<Session> sessions;
  std::atomic<std::size_t> connections{0};  // how many, for other threads
  std::atomic<std::uint64_t> requests{0};
  bool stopped = false;
};

// --- the responder
// ------------------------------------------------------------------------------------------

asio::awaitable<void> HttpResponder::send(int status, HttpHeaders headers, std::string body) {
  session_.answer = Session::Answer::done;
  headers.set("Content-Length", std::to_string(body.size()));
  std::string wire;
  wire.reserve(256 + body.size());
  append_response_head(wire, status, headers);
  if (!session_.head_only) wire += body;
  std::size_t done = 0;
  if (!session_.connection.try_write(wire, {}, done)) co_await session_.connection.write(wire, {}, done);
}

asio::awaitable<void> HttpResponder::start(int status, HttpHeaders headers) {
  session_.answer = Session::Answer::chunked;
  headers.set("Transfer-Encoding", "chunked");
  std::string wire;
  append_response_head(wire, status, headers);
  co_await session_.connection.write(wire, {});
}

asio::awaitable<void> HttpResponder::write(std::string_view bytes) {
  if (bytes.empty() || session_.head_only) co_return;  // an empty chunk would end the body
  std::array<char, 16> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
  std::string wire;
  wire.reserve(bytes.size() + 24);
  wire.append(size.data(), end).append("\r\n").append(bytes).append("\r\n");
  std::size_t done = 0;
  if (!session_.connection.try_write(wire, {}, done)) co_await session_.connection.write(wire, {}, done);
}

asio::awaitable<void> HttpResponder::finish() {
  if (session_.answer != Session::Answer::chunked) co_return;
  session_.answer = Session::Answer::done;
  if (!session_.head_only) co_await session_.connection.write("0\r\n\r\n", {});
}

asio::awaitable<void> HttpResponder::write_raw(std::string_view bytes) {
  if (session_.answer == Session::Answer::none) session_.answer = Session::Answer::done;
  co_await session_.connection.write(bytes, {});
}

void HttpResponder::abort() {
  session_.answer = Session::Answer::done;
  session_.connection.abort();
}
void HttpResponder::close() {
  session_.answer = Session::Answer::done;
  session_.connection.close();
}
bool HttpResponder::started() const {
  return session_.answer != Session::Answer::none;
}

// --- the server
// ---------------------------------------------------------------------------------------------

void HttpServer::Core::listen() {
  if (options.tls && options.certificate_pem.empty()) {
    const auto made = CertificateAuthority("lllm fake provider CA").issue();
    options.certificate_pem = made.certificate_pem;
    options.private_key_pem = made.private_key_pem;
    ca_pem = made.ca_pem;
  }
  if (options.tls)
    tls = TlsContext::server(options.certificate_pem, options.private_key_pem, options.client_ca_pem);
  error_code failure;
  const auto address = asio::ip::make_address(options.host, failure);
  const tcp::endpoint endpoint(address, options.port);
  if (!failure) acceptor.open(endpoint.protocol(), failure);
  if (!failure) acceptor.set_option(asio::socket_base::reuse_address(true), failure);
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure)
    throw_error(Error(ErrorKind::io_failed, "listening on " + host_and_port(options.host, options.port) +
                                                " failed: " + failure.message())
                    .code(failure));
  port = acceptor.local_endpoint().port();
}

asio::awaitable<void> HttpServer::Core::accept_all() {
  const auto self = shared_from_this();
  while (!stopped) {
    auto accepting = acceptor.async_accept(as_values);
    auto [failure, socket] = co_await std::move(accepting);
    if (failure == asio::error::operation_aborted || stopped) break;
    if (failure) {  // out of file descriptors, most likely: let some go first
      log(LogLevel::warning, "http_server", "accepting failed: " + failure.message());
      asio::steady_timer pause(context->executor, std::chrono::milliseconds(20));
      auto waiting = pause.async_wait(as_values);
      co_await std::move(waiting);
      continue;
    }
    error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    if (gone) continue;
    sessions.emplace_front(context, std::move(socket), name_of(peer));
    const auto session = sessions.begin();
    ++connections;
    session->cancel = std::make_unique<asio::cancellation_signal>();
    auto slot = session->cancel->slot();
    // The session lives in our list until it is over, and stop() ends it: it is detached in name only.
    asio::co_spawn(context->executor, serve(session),
                   asio::bind_cancellation_slot(slot, [self, session](const std::exception_ptr&) {
                     // Not here: the coroutine that is just ending still points into the session's signal.
                     asio::post(self->context->executor, [self, session] {
                       self->sessions.erase(session);
                       --self->connections;
                     });
                   }));
  }
}

asio::awaitable<bool> HttpServer::Core::read_request(Session& session, HttpServerRequest& request) {
  Connection& connection = session.connection;
  HttpRequestReader reader(options.limits);
  bool told_to_continue = false;
  if (options.idle_timeout.count() > 0) connection.allow(options.idle_timeout, ErrorKind::idle_timeout);
  while (!reader.complete()) {
    if (connection.data().empty()) {
      if (connection.ended()) co_return false;
      if (reader.head_complete() && reader.expects_continue() && !told_to_continue) {
        told_to_continue = true;
        co_await connection.write("HTTP/1.1 100 Continue\r\n\r\n", {});
      }
      if (connection.must_wait()) {
        auto arrival = connection.arrival(as_values);
        const auto [failure] = co_await std::move(arrival);
        connection.arrived(failure);
      }
      connection.receive();
      continue;
    }
    if (!reader.head_complete()) {
      const auto used = reader.read_head(connection.data());
      if (!used) throw_error(used.error());
      connection.consume(*used);
      continue;
    }
    const auto part = reader.read_body(connection.bytes(), connection.data().size());
    if (!part) throw_error(part.error());
    if (request.body.size() + part->data.size() > options.max_body)
      throw_error(ErrorKind::limit_exceeded,
                  "a request body of more than " + std::to_string(options.max_body) + " bytes");
    request.body += part->data;
    connection.consume(part->consumed);
  }
  connection.rest();
  if (connection.data().empty()) connection.release();
  request.method = std::move(reader.head().method);
  request.target = std::move(reader.head().target);
  request.headers = std::move(reader.head().headers);
  request.peer = connection.peer();
  session.keep_alive = reader.keep_alive();
  session.head_only = request.method == "HEAD";
  session.answer = Session::Answer::none;
  co_return true;
}

asio::awaitable<void> HttpServer::Core::answer(Session& session, const HttpServerRequest& request) {
  HttpResponder responder(session);
  std::string trouble;
  session.watch->begin();
  const WatchEnd ends_watch{*session.watch};
  try {
    co_await handler(request, responder);
  } catch (const std::exception& failure) {
    if (responder.started() || session.connection.failure()) throw;
    trouble = failure.what();
  }
  if (trouble.empty() && responder.started()) {
    co_await responder.finish();
    co_return;
  }
  if (trouble.empty()) trouble = "the handler gave no answer";
  log(LogLevel::error, "http_server", request.method + ' ' + std::string(request.path()) + ": " + trouble);
  HttpHeaders headers{{"Content-Type", "text/plain"}};
  co_await responder.send(500, std::move(headers), "internal error\n");
}

asio::awaitable<void> HttpServer::Core::serve(std::list<Session>::iterator session) {
  Connection& connection = session->connection;
  HttpResponder responder(*session);
  int refusal = 0;
  try {
    if (tls) {
      connection.allow(std::chrono::seconds(30), ErrorKind::tls_timeout);
      co_await connection.start_tls(tls, {});
      connection.rest();
    }
    do {
      // Named, so that nothing of a finished request lives on while the next is waited for.
      HttpServerRequest request;
      if (!co_await read_request(*session, request)) break;
      ++requests;
      co_await answer(*session, request);
    } while (session->keep_alive && connection.is_open() && !stopped);
  } catch (const Exception& failure) {
    if (failure.kind() == ErrorKind::bad_http) refusal = 400;
    if (failure.kind() == ErrorKind::limit_exceeded) refusal = 413;
  }
  if (refusal != 0 && connection.is_open()) {
    HttpHeaders headers{{"Connection", "close"}};
    co_await responder.send(refusal, std::move(headers), {});
  }
  connection.close();
}

HttpServer::HttpServer(asio::any_io_executor executor, HttpHandler handler, HttpServerOptions options)
    : core_(std::make_shared<Core>(executor, std::move(handler), std::move(options))) {
  core_->listen();
  asio::co_spawn(executor, core_->accept_all(), [core = core_](const std::exception_ptr&) {});
}

HttpServer::~HttpServer() {
  stop();
}

std::uint16_t HttpServer::port() const {
  return core_->port;
}
std::string HttpServer::url() const {
  return (core_->options.tls ? "https://" : "http://") + host_and_port(core_->options.host, core_->port);
}
const std::string& HttpServer::ca_pem() const {
  return core_->ca_pem;
}
std::size_t HttpServer::connections() const {
  return core_->connections;
}
std::uint64_t HttpServer::requests() const {
  return core_->requests;
}

void HttpServer::stop() {
  if (core_->stopped) return;
  core_->stopped = true;
  error_code ignored;
  core_->acceptor.close(ignored);
  for (auto& session : core_->sessions) session.connection.close();
  // From inside the loop, where Asio passes the signal on at once: from outside it would remember the
  // coroutine's address, and use it after a coroutine that ended meanwhile.
  asio::post(core_->context->executor, [core = core_] {
    for (auto& session : core->sessions) session.cancel->emit(asio::cancellation_type::terminal);
  });
}

}  // namespace lllm
