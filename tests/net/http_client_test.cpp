#include "lllm/net/http_client.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/net/http_server.hpp"
#include "tests/net/fetch.hpp"
#include "tests/support/loop.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

/// Says back what it got; "/stream" in three chunks, "/slow" after a while.
asio::awaitable<void> echo(const HttpServerRequest& request, HttpResponder& responder) {
  HttpHeaders headers{{"Content-Type", "text/plain"}, {"X-Path", request.path()}};
  if (request.path() == "/stream") {
    co_await responder.start(200, std::move(headers));
    for (const std::string_view piece : {"one ", "two ", "three"}) co_await responder.write(piece);
    co_return;
  }
  if (request.path() == "/slow") {
    asio::steady_timer timer(co_await asio::this_coro::executor, 300ms);
    auto wait = timer.async_wait(asio::as_tuple(asio::deferred));
    co_await std::move(wait);
  }
  co_await responder.send(200, std::move(headers), request.method + ' ' + request.body);
}

Origin origin_of(const HttpServer& server, bool tls = false) {
  return {tls ? "https" : "http", "127.0.0.1", server.port()};
}

asio::awaitable<std::string> fetch(HttpClient& client, HttpRequest request,
                                   HttpTimeouts timeouts = HttpTimeouts()) {
  auto exchange = co_await client.send(std::move(request), timeouts);
  co_return co_await exchange.read_all(1 << 20);
}

}  // namespace

TEST_SUITE("net/http_client") {
  TEST_CASE("enormous timeouts are none") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo);
    HttpClient client(loop.get_executor());
    HttpTimeouts timeouts;
    timeouts.connect = timeouts.tls = timeouts.write = timeouts.first_byte = timeouts.idle =
        std::chrono::milliseconds::max();
    timeouts.deadline = std::chrono::steady_clock::time_point::max();
    for (const char* path : {"/stream", "/slow"})
      CHECK(!run_on(loop, fetch(client, HttpRequest("GET", origin_of(server), path), timeouts)).empty());
  }

  TEST_CASE("a request is answered, and the next one goes over the same connection") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo);
    HttpClient client(loop.get_executor());
    for (int i = 0; i < 3; ++i) {
      HttpRequest request("POST", origin_of(server), "/hello?x=1", {{"X-Test", "yes"}},
                          "body " + std::to_string(i));
      CHECK(run_on(loop, fetch(client, request)) == "POST body " + std::to_string(i));
    }
    const auto stats = client.stats();
    CHECK(stats.connects == 1);
    CHECK(stats.idle == 1);
    CHECK(stats.exchanges == 3);
  }

  TEST_CASE("TLS: a server of our own CA is trusted, and a session is resumed") {
    asio::io_context loop;
    HttpServerOptions server_options;
    server_options.tls = true;
    HttpServer server(loop.get_executor(), echo, server_options);
    HttpClientOptions options;
    options.tls.ca_pem = server.ca_pem();
    HttpClient client(loop.get_executor(), options);
    const HttpRequest request("POST", origin_of(server, true), "/", {}, std::string(100'000, 'x'));
    CHECK(run_on(loop, fetch(client, request)).size() == 100'005);
    CHECK(run_on(loop, fetch(client, request)).size() == 100'005);
    CHECK(client.stats().connects == 1);
    client.close_idle();
    auto again = run_on(loop, client.send(request));
    CHECK(again.timings().tls_resumed);
  }

  TEST_CASE("TLS: a certificate that nobody vouches for is refused") {
    asio::io_context loop;
    HttpServerOptions server_options;
    server_options.tls = true;
    HttpServer server(loop.get_executor(), echo, server_options);
    HttpClient client(loop.get_executor());
    const Error error = error_on(loop, client.send(HttpRequest("GET", origin_of(server, true), "/")));
    CHECK(error.kind() == ErrorKind::tls_untrusted);
    CHECK(error.message().find("127.0.0.1") != std::string::npos);
    CHECK(server.requests() == 0);
    CHECK(client.stats().open == 0);
  }

  TEST_CASE("a chunked answer is read as it comes") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo);
    HttpClient client(loop.get_executor());
    CHECK(run_on(loop, fetch(client, HttpRequest("GET", origin_of(server), "/stream"))) == "one two three");
    CHECK(client.stats().idle == 1);
  }

  TEST_CASE("an exchange dropped before its end closes its connection") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo);
    HttpClient client(loop.get_executor());
    {
      const auto exchange = run_on(loop, client.send(HttpRequest("GET", origin_of(server), "/stream")));
    }
    CHECK(client.stats().open == 0);
  }

  TEST_CASE("what would break out of a request is refused before anything is sent") {
    asio::io_context loop;
    HttpClient client(loop.get_executor());
    const HttpRequest request("GET", {"http", "127.0.0.1", 1}, "/", {{"X-Key", "a\r\nX-Evil: 1"}});
    CHECK(error_on(loop, client.send(request)).kind() == ErrorKind::invalid_argument);
  }

  TEST_CASE("the first byte's timeout and the call's deadline are told apart, and both are met") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo);
    HttpClient client(loop.get_executor());
    const HttpRequest request("GET", origin_of(server), "/slow");
    HttpTimeouts timeouts;
    timeouts.first_byte = 50ms;
    auto start = std::chrono::steady_clock::now();
    CHECK(error_on(loop, client.send(request, timeouts)).kind() == ErrorKind::first_byte_timeout);
    CHECK(std::chrono::steady_clock::now() - start < 50ms + grace);
    HttpTimeouts with_deadline;
    start = std::chrono::steady_clock::now();
    with_deadline.deadline = start + 50ms;
    CHECK(error_on(loop, client.send(request, with_deadline)).kind() == ErrorKind::deadline_exceeded);
    CHECK(std::chrono::steady_clock::now() - start < 50ms + grace);
    CHECK(client.stats().open == 0);
  }

  TEST_CASE("a deadline is met within ten milliseconds") {
    asio::io_context loop;
    HttpServer server(loop.get_executor(), echo);
    HttpClient client(loop.get_executor());
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i < 10; ++i) {  // the best of ten: a busy machine may be late, lllm may not
      HttpTimeouts timeouts;
      const auto end = std::chrono::steady_clock::now() + 20ms;
      timeouts.deadline = end;
      const HttpRequest request("GET", origin_of(server), "/slow");
      CHECK(error_on(loop, client.send(request, timeouts)).kind() == ErrorKind::deadline_exceeded);
      const auto late = std::chrono::steady_clock::now() - end;
      CHECK(late >= 0ns);
      best = std::min(best, std::chrono::nanoseconds(late));
    }
    CHECK(best < 10ms);
  }

  TEST_CASE("the context's run() returns when no call is under way, though the client lives") {
    asio::io_context loop;
    auto server = std::make_unique<HttpServer>(loop.get_executor(), echo);
    HttpClient client(loop.get_executor());
    CHECK(run_on(loop, fetch(client, HttpRequest("GET", origin_of(*server), "/"))) == "GET ");
    server.reset();
    loop.restart();
    const auto start = std::chrono::steady_clock::now();
    loop.run();
    CHECK(std::chrono::steady_clock::now() - start < 1s);
  }

  TEST_CASE("a dead port is a connect error that names it") {
    asio::io_context loop;
    HttpClient client(loop.get_executor());
    const Error error = error_on(loop, client.send(HttpRequest("GET", {"http", "127.0.0.1", 1}, "/")));
    CHECK(error.kind() == ErrorKind::connect_failed);
    CHECK(error.message().find("127.0.0.1:1") != std::string::npos);
  }
}
