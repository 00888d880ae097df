// The server's side: clients that hang up while a handler is at work, and addresses of both families.
#include "lllm/net/http_server.hpp"

#include <chrono>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "tests/net/client_world.hpp"
#include "tests/support/sleep.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

/// What became of a handler that would wait for an hour.
struct Patient {
  int begun = 0;
  int cancelled = 0;
  int finished = 0;

  asio::awaitable<void> wait(HttpResponder& responder, bool starts) {
    ++begun;
    if (starts) co_await responder.start(200, {});
    try {
      co_await sleep_for(std::chrono::hours(1));
    } catch (const std::exception&) {
      ++cancelled;
      throw;
    }
    ++finished;
  }
};

/// A client's socket, for what no HttpClient does.
class RawClient {
 public:
  RawClient(asio::io_context& loop, std::uint16_t port) : socket_(loop) {
    socket_.connect({asio::ip::address_v4::loopback(), port});
  }
  void send(const std::string& text) { asio::write(socket_, asio::buffer(text)); }
  void get(const std::string& target) { send("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n"); }
  void reset() {
    socket_.set_option(asio::socket_base::linger(true, 0));
    socket_.close();
  }
  void half_close() { socket_.shutdown(asio::ip::tcp::socket::shutdown_send); }
  asio::ip::tcp::socket& socket() { return socket_; }

 private:
  asio::ip::tcp::socket socket_;
};

asio::awaitable<void> answer_slowly(HttpResponder& responder, std::string body) {
  co_await sleep_for(80ms);
  co_await responder.send(200, {}, std::move(body));
}

}  // namespace

TEST_SUITE("net/http_server") {
  TEST_CASE(
      "a handler is cancelled when its client gives up, plain or TLS, before and after its answer began") {
    for (const bool tls : {false, true})
      for (const bool starts : {false, true}) {
        CAPTURE(tls);
        CAPTURE(starts);
        Patient patient;
        ClientWorld world(tls, {}, [&](const HttpServerRequest&, HttpResponder& responder) {
          return patient.wait(responder, starts);
        });
        Counted call;
        asio::cancellation_signal signal;
        start(world.loop, try_fetch(*world.client, world.get()), call, &signal);
        REQUIRE(run_until(world.loop, [&] { return patient.begun == 1; }));
        asio::post(world.loop, [&] { signal.emit(asio::cancellation_type::terminal); });
        CHECK(run_until(world.loop, [&] { return patient.cancelled == 1 && call.completions == 1; }));
        CHECK(run_until(world.loop, [&] { return world.server->connections() == 0; }));
        CHECK(patient.finished == 0);
      }
  }

  TEST_CASE("a reset, and an end of the sending side, end the handler too") {
    for (const bool resets : {false, true}) {
      CAPTURE(resets);
      Patient patient;
      ClientWorld world(false, {}, [&](const HttpServerRequest&, HttpResponder& responder) {
        return patient.wait(responder, false);
      });
      RawClient client(world.loop, world.server->port());
      client.get("/");
      REQUIRE(run_until(world.loop, [&] { return patient.begun == 1; }));
      if (resets)
        client.reset();
      else
        client.half_close();
      CHECK(
          run_until(world.loop, [&] { return patient.cancelled == 1 && world.server->connections() == 0; }));
    }
  }

  TEST_CASE("a client that sends its next request early has not gone, and gets both answers in order") {
    ClientWorld world(false, {}, [](const HttpServerRequest& request, HttpResponder& responder) {
      return answer_slowly(responder, request.target);
    });
    RawClient client(world.loop, world.server->port());
    client.get("/first");
    REQUIRE(run_until(world.loop, [&] { return world.server->requests() == 1; }));
    world.loop.run_for(40ms);  // the server looks by now, where a handler takes its time
    world.loop.restart();
    client.get("/second");
    std::string received;
    bool second = false;
    asio::async_read_until(client.socket(), asio::dynamic_buffer(received), "/second",
                           [&](boost::system::error_code failure, std::size_t) { second = !failure; });
    CHECK(run_until(world.loop, [&] { return second; }));
    CHECK(received.find("/first") < received.find("/second"));
    CHECK(world.server->requests() == 2);
  }

  TEST_CASE("a kept connection is watched anew for each of its requests") {
    Patient patient;
    ClientWorld world(false, {}, [&](const HttpServerRequest& request, HttpResponder& responder) {
      if (request.target == "/wait") return patient.wait(responder, false);
      return answer_slowly(responder, "fine");
    });
    for (int i = 0; i < 3; ++i) CHECK(world.fetch().body == "fine");
    CHECK(world.client->stats().connects == 1);
    Counted call;
    asio::cancellation_signal signal;
    start(world.loop, try_fetch(*world.client, world.get("/wait")), call, &signal);
    REQUIRE(run_until(world.loop, [&] { return patient.begun == 1; }));
    asio::post(world.loop, [&] { signal.emit(asio::cancellation_type::terminal); });
    CHECK(run_until(world.loop, [&] { return patient.cancelled == 1; }));
  }

  TEST_CASE("an IPv6 address is written and reached as one, plain and TLS") {
    for (const bool tls : {false, true}) {
      CAPTURE(tls);
      asio::io_context loop;
      std::string peer;
      HttpServerOptions options;
      options.host = "::1";
      options.tls = tls;
      HttpServer server(
          loop.get_executor(),
          [&peer](const HttpServerRequest& request, HttpResponder& responder) -> asio::awaitable<void> {
            peer = request.peer;
            return responder.send(200, {}, "fine");
          },
          options);
      CHECK(server.url() ==
            std::string(tls ? "https" : "http") + "://[::1]:" + std::to_string(server.port()));
      HttpClientOptions client_options;
      client_options.tls.ca_pem = server.ca_pem();
      HttpClient client(loop.get_executor(), client_options);
      const auto url = parse_url(server.url());
      REQUIRE(url.has_value());
      CHECK(run_on(loop, try_fetch(client, HttpRequest("GET", url->origin, "/"))).body == "fine");
      CHECK(peer.starts_with("[::1]:"));
      const auto dead = run_on(loop, try_fetch(client, HttpRequest("GET", {"http", "::1", 1}, "/")));
      REQUIRE(dead.failed_with(ErrorKind::connect_failed));
      CHECK(dead.error->message().find("[::1]:1") != std::string::npos);
    }
  }
}
