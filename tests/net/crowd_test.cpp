// Faults 87 to 91: many calls at once, more than there are descriptors, or more than connections allowed.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/post.hpp>

#include "tests/net/client_world.hpp"
#include "tests/support/fault_server.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> answer_together(Gate& gate, const HttpServerRequest& request,
                                      HttpResponder& responder) {
  co_await gate.pass();
  co_await responder.send(200, {}, request.target);
}

asio::awaitable<Outcome> noting(std::vector<int>& order, int number, asio::awaitable<Outcome> work) {
  auto outcome = co_await std::move(work);
  order.push_back(number);
  co_return outcome;
}

asio::awaitable<void> answer_behind(Gate& gate, HttpResponder& responder) {
  co_await gate.pass();
  co_await responder.send(200, {}, "fine");
}

asio::awaitable<Outcome> two_fetches(HttpClient& client, HttpRequest first, HttpRequest second) {
  const Outcome before = co_await try_fetch(client, std::move(first));
  if (before.error) co_return before;
  co_return co_await try_fetch(client, std::move(second));
}

asio::awaitable<Outcome> then_cancel(asio::awaitable<Outcome> work, asio::cancellation_signal& signal) {
  Outcome outcome = co_await std::move(work);
  signal.emit(asio::cancellation_type::terminal);
  co_return outcome;
}

/// A world whose server notes every request and holds it behind a gate, which goes before the loop does.
struct GatedWorld : ClientWorld {
  explicit GatedWorld(HttpClientOptions options = HttpClientOptions())
      : ClientWorld(false, std::move(options),
                    [this](const HttpServerRequest& request, HttpResponder& responder) {
                      asked.push_back(request.target);
                      return answer_behind(gate, responder);
                    }),
        gate(loop.get_executor()) {}

  std::vector<std::string> asked;
  Gate gate;
};

}  // namespace

TEST_SUITE("net/faults") {
  TEST_CASE("fault 87: ten thousand calls at once on one thread all finish") {
    constexpr int calls = 10'000;
    const ManyDescriptors descriptors(calls + 200);
    if (!descriptors.enough()) LLLM_SKIP("fewer than 10,200 file descriptors are allowed here");
    const ServerProcess server(answer_together, calls);
    asio::io_context loop;
    HttpClient client(loop.get_executor());
    int finished = 0;
    int good = 0;
    std::size_t most = 0;
    HttpTimeouts patient;
    patient.connect = 60s;
    for (int i = 0; i < calls; ++i) {
      const auto target = "/number/" + std::to_string(i);
      HttpRequest request("GET", {"http", "127.0.0.1", server.port()}, target);
      asio::co_spawn(loop, try_fetch(client, std::move(request), patient),
                     [&, target](const std::exception_ptr&, const Outcome& outcome) {
                       most = std::max(most, client.stats().open);
                       ++finished;
                       good += outcome.body == target ? 1 : 0;
                     });
    }
    CHECK(run_until(loop, [&] { return finished == calls; }, 120s));
    CHECK(good == calls);
    CHECK(most >= calls - 1);  // when the first ends, all are there but those that ended with it
    CHECK(client.stats().idle <= 256);
  }

  TEST_CASE("fault 88: running out of file descriptors is typed, and passes") {
    FaultServer server([](FaultPeer& peer) {
      while (!peer.read_request().empty()) peer.send(plain_answer(200, "fine"));
    });
    asio::io_context loop;
    HttpClient client(loop.get_executor());
    const HttpRequest request("GET", {"http", "127.0.0.1", server.port()}, "/");
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit none = before;
    none.rlim_cur = 3;
    ::setrlimit(RLIMIT_NOFILE, &none);
    const auto starved = run_on(loop, try_fetch(client, request));
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(starved.failed_with(ErrorKind::resource_exhausted));
    CHECK(run_on(loop, try_fetch(client, request)).body == "fine");
  }

  TEST_CASE(
      "fault 88: calls beyond the descriptors there are fail, typed; the others, and later ones, succeed") {
    const ServerProcess server(answer_together, 1);
    asio::io_context loop;
    HttpClient client(loop.get_executor());
    constexpr int calls = 60;
    const auto crowd = [&] {
      std::vector<Counted> counted(calls);
      for (auto& call : counted)
        start(loop, try_fetch(client, HttpRequest("GET", {"http", "127.0.0.1", server.port()}, "/x")), call);
      CHECK(run_until(loop, [&] {
        return std::all_of(counted.begin(), counted.end(), [](const auto& c) { return c.completions == 1; });
      }));
      int good = 0;
      for (const auto& call : counted) {
        if (call.outcome.body == "/x")
          ++good;
        else
          CHECK(call.outcome.failed_with(ErrorKind::resource_exhausted));
      }
      return good;
    };
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next_free = ::dup(0);
    ::close(next_free);
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(next_free) + 20;
    ::setrlimit(RLIMIT_NOFILE, &few);
    const int good = crowd();
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(good >= 10);
    CHECK(good < calls);
    CHECK(client.stats().open == client.stats().idle);
    CHECK(crowd() == calls);
  }

  TEST_CASE("fault 90: answers that come out of order reach the callers they belong to") {
    constexpr int count = 50;
    struct Gates : ClientWorld {  // they go before the loop does
      Gates()
          : ClientWorld(false, HttpClientOptions(),
                        [this](const HttpServerRequest& request, HttpResponder& responder) {
                          const auto number = static_cast<std::size_t>(std::stoi(request.target.substr(1)));
                          return answer_together(*gates.at(number), request, responder);
                        }) {
        for (int i = 0; i < count; ++i) gates.push_back(std::make_unique<Gate>(loop.get_executor()));
      }
      std::vector<std::unique_ptr<Gate>> gates;
    } world;
    const auto& gates = world.gates;
    std::vector<int> order;
    std::vector<std::unique_ptr<Counted>> calls;
    for (int i = 0; i < count; ++i) {
      calls.push_back(std::make_unique<Counted>());
      auto fetch = try_fetch(*world.client, world.get("/" + std::to_string(i)));
      start(world.loop, noting(order, i, std::move(fetch)), *calls.back());
    }
    CHECK(run_until(world.loop, [&] {
      return std::all_of(gates.begin(), gates.end(), [](const auto& gate) { return gate->arrived() == 1; });
    }));
    // One after the other, in an order that is not the callers'.
    for (int i = 0; i < count; ++i) {
      const int next = (i * 37) % count;
      gates[static_cast<std::size_t>(next)]->open();
      REQUIRE(run_until(world.loop, [&] { return order.size() > static_cast<std::size_t>(i); }));
      CHECK(order.size() == static_cast<std::size_t>(i + 1));
      CHECK(order.back() == next);
      const Counted& call = *calls[static_cast<std::size_t>(next)];
      CHECK(call.outcome.body == "/" + std::to_string(next));
    }
    for (const auto& call : calls) CHECK(call->completions == 1);
  }

  TEST_CASE(
      "fault 91: when the pool is full calls wait in line, may be cancelled there, and time out there") {
    HttpClientOptions options;
    options.max_connections_per_origin = 1;
    GatedWorld world(options);
    std::vector<int> order;
    std::vector<std::unique_ptr<Counted>> calls;
    std::vector<std::unique_ptr<asio::cancellation_signal>> signals;
    for (int i = 0; i < 6; ++i) {
      calls.push_back(std::make_unique<Counted>());
      signals.push_back(std::make_unique<asio::cancellation_signal>());
      HttpTimeouts timeouts;
      if (i == 4) timeouts.deadline = std::chrono::steady_clock::now() + 50ms;
      start(world.loop, noting(order, i, try_fetch(*world.client, world.get(), timeouts)), *calls.back(),
            signals.back().get());
      world.loop.restart();
      world.loop.poll();
    }
    CHECK(world.client->stats().waiting == 5);
    asio::post(world.loop, [&] { signals[2]->emit(asio::cancellation_type::terminal); });
    CHECK(run_until(world.loop, [&] { return order.size() == 2; }));
    CHECK(calls[2]->outcome.failed_with(ErrorKind::cancelled));
    CHECK(calls[4]->outcome.failed_with(ErrorKind::deadline_exceeded));
    world.gate.open();
    CHECK(run_until(world.loop, [&] { return order.size() == 6; }));
    CHECK(order == std::vector<int>{2, 4, 0, 1, 3, 5});
    CHECK(world.client->stats().connects == 1);
    CHECK(world.client->stats().waiting == 0);
  }
}

TEST_SUITE("net/connection_pool") {
  TEST_CASE("a call that is cancelled while a busy client lets others go first sends nothing") {
    // All answers come in one turn: behind the first the second call begins, behind the next it is cancelled,
    // and only then would it be sent.
    GatedWorld world;
    const auto& asked = world.asked;
    constexpr std::size_t busy = 20;
    asio::cancellation_signal signal;
    Counted cancelled;
    Counted canceller;
    std::vector<Counted> others(busy - 2);
    start(world.loop, two_fetches(*world.client, world.get("/first"), world.get("/cancelled")), cancelled,
          &signal);
    start(world.loop, then_cancel(try_fetch(*world.client, world.get("/next")), signal), canceller);
    for (Counted& other : others) start(world.loop, try_fetch(*world.client, world.get("/other")), other);
    REQUIRE(run_until(world.loop, [&] { return asked.size() == busy; }));
    REQUIRE(asked.at(0) == "/first");
    REQUIRE(asked.at(1) == "/next");
    world.gate.open();
    CHECK(run_until(world.loop, [&] { return cancelled.completions + canceller.completions == 2; }));
    CHECK(cancelled.outcome.failed_with(ErrorKind::cancelled));
    CHECK(run_until(world.loop, [&] {
      return std::all_of(others.begin(), others.end(),
                         [](const Counted& other) { return other.completions == 1; });
    }));
    CHECK(asked.size() == busy);
  }

  TEST_CASE("no more connections are kept than the options allow") {
    HttpClientOptions options;
    options.max_idle_per_origin = 2;
    GatedWorld world(options);
    std::vector<Counted> calls(5);
    for (auto& call : calls) start(world.loop, try_fetch(*world.client, world.get()), call);
    CHECK(run_until(world.loop, [&] { return world.gate.arrived() == 5; }));
    CHECK(world.client->stats().open == 5);
    world.gate.open();
    CHECK(run_until(world.loop, [&] {
      return std::all_of(calls.begin(), calls.end(), [](const auto& call) { return call.completions == 1; });
    }));
    CHECK(world.client->stats().open == 2);
    CHECK(world.client->stats().idle == 2);
  }

  TEST_CASE(
      "a connection that has been idle for too long is closed, also where its host is not asked again") {
    HttpClientOptions options;
    options.max_idle_age = 20ms;
    ClientWorld world(false, options);
    HttpServer other(world.loop.get_executor(), in_chunks);
    const HttpRequest elsewhere("GET", {"http", "127.0.0.1", other.port()}, "/");
    CHECK(world.fetch().status == 200);
    CHECK(world.fetch().timings.reused);
    run_on(world.loop, pause(30ms));
    CHECK_FALSE(world.fetch().timings.reused);
    CHECK(world.client->stats().connects == 2);
    run_on(world.loop, pause(30ms));
    CHECK(run_on(world.loop, try_fetch(*world.client, elsewhere)).status == 200);
    CHECK(world.client->stats().open == 1);
  }

  TEST_CASE("a peer that vanished is noticed by TCP keepalive, whatever the timeouts say") {
    ClientWorld world(false);
    CHECK(world.fetch().status == 200);
    int found = 0;
    for (int fd = 3; fd < 1024; ++fd) {
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
      if (ntohs(peer.sin_port) != world.server->port()) continue;
      ++found;
      const auto option = [fd](int level, int name) {
        int value = 0;
        socklen_t length = sizeof value;
        ::getsockopt(fd, level, name, &value, &length);
        return value;
      };
      CHECK(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
      CHECK(option(IPPROTO_TCP, TCP_KEEPIDLE) <= 60);
      CHECK(option(IPPROTO_TCP, TCP_KEEPINTVL) <= 15);
    }
    CHECK(found == 1);
  }
}
