// Faults 80 to 86 for one exchange: it is cancelled, its client destroyed or its context gone after any of
// its steps; its caller throws, reads slowly, or calls again from inside.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/post.hpp>

#include "tests/net/client_world.hpp"
#include "tests/support/fault_server.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

enum class Blow { cancel, destroy_client, destroy_loop };

/// Runs a streamed call for `steps` handlers and then deals the blow; true when the call was over before it
/// fell.
bool strike(Blow blow, bool tls, int steps) {
  CAPTURE(steps);
  Counted counted;
  asio::cancellation_signal signal;
  bool over = false;
  {
    ClientWorld world(tls);
    const HttpRequest request("POST", world.origin(), "/", {}, "body");
    start(world.loop, try_fetch(*world.client, request), counted, &signal);
    for (int i = 0; i < steps && counted.completions == 0; ++i) world.loop.run_one_for(1s);
    over = counted.completions == 1;
    const auto struck = Clock::now();
    if (blow == Blow::cancel) {
      // From inside the loop, as every caller's own code does.
      if (!over) asio::post(world.loop, [&] { signal.emit(asio::cancellation_type::terminal); });
    } else if (blow == Blow::destroy_client) {
      world.client.reset();
    }
    if (blow != Blow::destroy_loop) {
      CHECK(run_until(world.loop, [&] { return counted.completions > 0; }));
      CHECK(counted.completions == 1);
      if (!over && counted.outcome.error) {
        CHECK(counted.outcome.failed_with(ErrorKind::cancelled));
        CHECK(Clock::now() - struck < grace);
        if (world.client) CHECK(world.client->stats().open == 0);
      }
      CHECK(run_until(world.loop, [&] {
        return world.server->connections() == (over && world.client ? 1 : 0) || !counted.outcome.error;
      }));
    }
  }
  if (blow == Blow::destroy_loop) CHECK(counted.completions <= 1);
  return over;
}

void sweep(Blow blow, bool tls) {
  int steps = 0;
  while (steps < 500 && !strike(blow, tls, steps)) ++steps;
  CHECK(steps > 5);
  CHECK(steps < 500);
}

}  // namespace

TEST_SUITE("net/faults") {
  TEST_CASE("fault 80: a plain call cancelled after any of its steps ends at once and leaves nothing") {
    sweep(Blow::cancel, false);
  }
  TEST_CASE("fault 81: a TLS call cancelled after any of its steps has one outcome") {
    sweep(Blow::cancel, true);
  }
  TEST_CASE("fault 82: a client destroyed after any step of a call ends that call") {
    sweep(Blow::destroy_client, false);
    sweep(Blow::destroy_client, true);
  }
  TEST_CASE("fault 83: a context that goes away after any step of a call takes it along cleanly") {
    sweep(Blow::destroy_loop, false);
    sweep(Blow::destroy_loop, true);
  }

  TEST_CASE("fault 82: calls at every stage all end when their client is destroyed") {
    asio::io_context loop;
    FaultServer silent([](FaultPeer& peer) { peer.hang(); });
    const auto released = std::make_shared<std::atomic<bool>>(false);
    HttpClientOptions options;
    options.max_connections_per_origin = 3;
    options.host_lookup = [released](const std::string&) -> Result<Addresses> {
      while (!*released) std::this_thread::sleep_for(1ms);
      return Error(ErrorKind::dns_failed, "late");
    };
    auto client = std::make_unique<HttpClient>(loop.get_executor(), options);
    std::vector<std::unique_ptr<Counted>> calls;
    for (const Origin& origin :
         {Origin("http", "127.0.0.1", silent.port()), Origin("https", "127.0.0.1", silent.port()),
          Origin("http", "slow.test", 80)})
      for (int i = 0; i < 10; ++i) {
        calls.push_back(std::make_unique<Counted>());
        start(loop, try_fetch(*client, HttpRequest("GET", origin, "/")), *calls.back());
      }
    CHECK(run_until(loop, [&] { return client->stats().waiting == 21; }));
    client.reset();
    CHECK(run_until(loop, [&] {
      return std::all_of(calls.begin(), calls.end(), [](const auto& call) { return call->completions == 1; });
    }));
    for (const auto& call : calls) CHECK(call->outcome.failed_with(ErrorKind::cancelled));
    *released = true;
  }

  TEST_CASE("fault 84: a caller that does not read makes the sender wait, and memory stays flat") {
    std::atomic<std::size_t> sent{0};
    constexpr std::size_t total = 256u << 20;
    FaultServer server([&](FaultPeer& peer) {
      peer.read_request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(total) + "\r\n\r\n");
      peer.flood(total, sent);
      peer.read_to_end();
    });
    asio::io_context loop;
    HttpClient client(loop.get_executor());
    const auto slow = [&]() -> asio::awaitable<std::size_t> {
      HttpRequest request("GET", {"http", "127.0.0.1", server.port()}, "/");
      auto exchange = co_await client.send(std::move(request));
      std::size_t got = 0;
      for (int i = 0; i < 5; ++i) {
        const auto part = co_await exchange.read_some();
        got += part.size();
        co_await pause(100ms);
      }
      co_return got;
    };
    const auto got = run_on(loop, slow());
    CHECK(got <= 5 * 64 * 1024);
    CHECK(sent < 32u << 20);  // what the two sockets hold, not what the sender has
    CHECK(client.stats().open == 0);
  }

  TEST_CASE("fault 85: an exception between two reads closes the connection") {
    ClientWorld world(false);
    const auto throwing = [&]() -> asio::awaitable<void> {
      auto exchange = co_await world.client->send(world.get());
      co_await exchange.read_some();
      throw std::logic_error("the sink had enough");
    };
    CHECK_THROWS_AS(run_on(world.loop, throwing()), std::logic_error);
    CHECK(world.client->stats().open == 0);
  }

  TEST_CASE("fault 86: a call made between two reads of another works") {
    ClientWorld world(false);
    const auto nested = [&]() -> asio::awaitable<std::string> {
      auto outer = co_await world.client->send(world.get());
      std::string all;
      while (true) {
        const std::string part(co_await outer.read_some());
        if (part.empty()) co_return all;
        auto inner = co_await world.client->send(world.get("/slow/1"));
        all += part + co_await inner.read_all(100);
      }
    };
    CHECK(run_on(world.loop, nested()).find("chunk /slow/1") == 0);
  }
}
