#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/net/certificates.hpp"
#include "lllm/net/http_server.hpp"
#include "tests/net/fetch.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/loop.hpp"

namespace lllm::test {

inline asio::awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  auto wait = timer.async_wait(asio::as_tuple(asio::deferred));
  co_await std::move(wait);
}

/// Answers in four chunks; "/slow/N" after N milliseconds, with the path as the body.
inline asio::awaitable<void> in_chunks(const HttpServerRequest& request, HttpResponder& responder) {
  HttpHeaders headers{{"Content-Type", "text/plain"}};
  if (request.path().starts_with("/slow/")) {
    co_await pause(std::chrono::milliseconds(std::stoi(request.target.substr(6))));
    co_await responder.send(200, std::move(headers), request.target);
    co_return;
  }
  co_await responder.start(200, std::move(headers));
  for (int i = 0; i < 4; ++i) {
    co_await pause(std::chrono::milliseconds(1));
    co_await responder.write("chunk ");
  }
}

/// What became of a call that was started beside others.
struct Counted {
  int completions = 0;
  Outcome outcome;
};

inline void start(asio::io_context& loop, asio::awaitable<Outcome> work, Counted& counted,
                  asio::cancellation_signal* signal = nullptr) {
  auto on_done = [&counted](const std::exception_ptr& failure, Outcome outcome) {
    ++counted.completions;
    counted.outcome = std::move(outcome);
    if (failure) counted.outcome.error = error_from(failure);
  };
  if (signal == nullptr)
    asio::co_spawn(loop, std::move(work), std::move(on_done));
  else
    asio::co_spawn(loop, std::move(work), asio::bind_cancellation_slot(signal->slot(), std::move(on_done)));
}

/// A server and a client on one loop.
struct ClientWorld {
  asio::io_context loop;
  std::unique_ptr<HttpServer> server;
  std::unique_ptr<HttpClient> client;

  explicit ClientWorld(bool tls, HttpClientOptions options = HttpClientOptions(),
                       HttpHandler handler = in_chunks) {
    HttpServerOptions server_options;
    server_options.tls = tls;
    server_options.certificate_pem = certificate().certificate_pem;
    server_options.private_key_pem = certificate().private_key_pem;
    server = std::make_unique<HttpServer>(loop.get_executor(), std::move(handler), server_options);
    options.tls.ca_pem = certificate().ca_pem;
    client = std::make_unique<HttpClient>(loop.get_executor(), std::move(options));
  }

  [[nodiscard]] Origin origin() const {
    return {server->url().starts_with("https") ? "https" : "http", "127.0.0.1", server->port()};
  }
  [[nodiscard]] HttpRequest get(const std::string& target = "/") const { return {"GET", origin(), target}; }
  Outcome fetch(const std::string& target = "/") { return run_on(loop, try_fetch(*client, get(target))); }

  /// Made once: a sweep opens many servers.
  static const Certificate& certificate() {
    static const Certificate made = CertificateAuthority().issue();
    return made;
  }
};

}  // namespace lllm::test
