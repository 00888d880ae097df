// Faults 34, 35, 80 to 91: packing, cancellation, backpressure, numbers.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include <doctest/doctest.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/net/http_server.hpp"
#include "tests/net/fetch.hpp"
#include "tests/support/fault_server.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

asio::awaitable<void> sleep_for(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  auto wait = timer.async_wait(asio::as_tuple(asio::deferred));
  co_await std::move(wait);
}

/// Answers in four chunks; "/slow/N" after N milliseconds, with the path as the body.
asio::awaitable<void> in_chunks(const HttpServerRequest& request, HttpResponder& responder) {
  HttpHeaders headers{{"Content-Type", "text/plain"}};
  if (request.path().starts_with("/slow/")) {
    co_await sleep_for(std::chrono::milliseconds(std::stoi(request.target.substr(6))));
    co_await responder.send(200, std::move(headers), request.target);
    co_return;
  }
  co_await responder.start(200, std::move(headers));
  for (int i = 0; i < 4; ++i) {
    co_await sleep_for(1ms);
    co_await responder.write("chunk ");
  }
}

Origin origin_of(const HttpServer& server) {
  return {server.url().starts_with("https") ? "https" : "http", "127.0.0.1", server.port()};
}

struct Counted {
  int completions = 0;
  Outcome outcome;
};

void start(asio::io_context& loop, asio::awaitable<Outcome> work, Counted& counted,
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

bool run_until(asio::io_context& loop, const std::function<bool()>& done, std::chrono::seconds limit = 20s) {
  const auto end = Clock::now() + limit;
  loop.restart();
  while (!done() && Clock::now() < end) loop.run_one_until(Clock::now() + 5ms), loop.restart();
  return done();
}

/// Certificates are made once: a sweep opens many servers.
const Certificate& certificate() {
  static const Certificate made = CertificateAuthority().issue();
  return made;
}

struct World {
  asio::io_context loop;
  std::unique_ptr<HttpServer> server;
  std::unique_ptr<HttpClient> client;

  explicit World(bool tls, std::size_t max_connections = 0) {
    HttpServerOptions server_options;
    server_options.tls = tls;
    server_options.certificate_pem = certificate().certificate_pem;
    server_options.private_key_pem = certificate().private_key_pem;
    server = std::make_unique<HttpServer>(loop.get_executor(), in_chunks, server_options);
    HttpClientOptions options;
    options.tls.ca_pem = certificate().ca_pem;
    options.max_connections_per_origin = max_connections;
    client = std::make_unique<HttpClient>(loop.get_executor(), options);
  }
};

enum class Blow { cancel, destroy_client, destroy_loop };

/// Runs a streamed call for `steps` handlers and then deals the blow; true when the call was over before it
/// fell.
bool strike(Blow blow, bool tls, int steps) {
  CAPTURE(steps);
  Counted counted;
  asio::cancellation_signal signal;
  bool over = false;
  {
    World world(tls);
    const HttpRequest request("POST", origin_of(*world.server), "/", {}, "body");
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

/// The server of in_chunks in a child process.
class ServerProcess {
 public:
  ServerProcess() {
    int channel[2] = {-1, -1};
    if (::pipe(channel) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ == 0) {
      asio::io_context loop;
      HttpServer server(loop.get_executor(), in_chunks);
      const std::uint16_t port = server.port();
      if (::write(channel[1], &port, sizeof port) != sizeof port) ::_exit(1);
      ::close(channel[1]);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      loop.run();
      ::_exit(0);
    }
    ::close(channel[1]);
    if (::read(channel[0], &port_, sizeof port_) != sizeof port_) throw std::runtime_error("no server");
    ::close(channel[0]);
  }
  ~ServerProcess() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

asio::awaitable<Outcome> noting(std::vector<int>& order, int number, asio::awaitable<Outcome> work) {
  auto outcome = co_await std::move(work);
  order.push_back(number);
  co_return outcome;
}

std::string gzip(const std::string& text) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
  std::string packed(text.size() + 1000, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  deflate(&z, Z_FINISH);
  packed.resize(z.total_out);
  deflateEnd(&z);
  return packed;
}

}  // namespace

TEST_SUITE("net/faults") {
  TEST_CASE("fault 34: a gzip body that nobody asked for is unpacked, other codings are refused") {
    const std::string text(200'000, 'g');
    const std::string packed = gzip(text + "end");
    std::string head = "Content-Encoding: gzip\r\n";
    FaultServer server([&](FaultPeer& peer) {
      peer.read_request();
      peer.send(plain_answer(200, packed, head));
      peer.read_to_end();
    });
    const Origin origin("http", "127.0.0.1", server.port());
    const auto one = fetch_once(origin);
    CHECK(one.outcome.body == text + "end");
    CHECK_FALSE(one.outcome.headers.contains("content-encoding"));
    CHECK(one.stats.idle == 1);
    head = "Content-Encoding: br\r\n";
    CHECK(fetch_once(origin).outcome.failed_with(ErrorKind::bad_http));
  }

  TEST_CASE("fault 35: a gzip bomb passes a limit") {
    const std::string bomb = gzip(std::string(50'000'000, 'b'));
    FaultServer server([&](FaultPeer& peer) {
      peer.read_request();
      peer.send(plain_answer(200, bomb, "Content-Encoding: gzip\r\n"));
      peer.read_to_end();
    });
    HttpClientOptions options;
    options.max_decoded_body = 1'000'000;
    const auto one = fetch_once({"http", "127.0.0.1", server.port()}, HttpTimeouts(), options);
    CHECK(one.outcome.failed_with(ErrorKind::limit_exceeded));
    CHECK(one.outcome.body.size() <= 1'000'000);
    CHECK(one.stats.open == 0);
  }

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
        co_await sleep_for(100ms);
      }
      co_return got;
    };
    const auto got = run_on(loop, slow());
    CHECK(got <= 5 * 64 * 1024);
    CHECK(sent < 32u << 20);  // what the two sockets hold, not what the sender has
    CHECK(client.stats().open == 0);
  }

  TEST_CASE("fault 85: an exception between two reads closes the connection") {
    World world(false);
    const auto throwing = [&]() -> asio::awaitable<void> {
      auto exchange = co_await world.client->send(HttpRequest("GET", origin_of(*world.server), "/"));
      co_await exchange.read_some();
      throw std::logic_error("the sink had enough");
    };
    CHECK_THROWS_AS(run_on(world.loop, throwing()), std::logic_error);
    CHECK(world.client->stats().open == 0);
  }

  TEST_CASE("fault 86: a call made between two reads of another works") {
    World world(false);
    const auto nested = [&]() -> asio::awaitable<std::string> {
      auto outer = co_await world.client->send(HttpRequest("GET", origin_of(*world.server), "/"));
      std::string all;
      while (true) {
        const std::string part(co_await outer.read_some());
        if (part.empty()) co_return all;
        auto inner = co_await world.client->send(HttpRequest("GET", origin_of(*world.server), "/slow/1"));
        all += part + co_await inner.read_all(100);
      }
    };
    CHECK(run_on(world.loop, nested()).find("chunk /slow/1") == 0);
  }

  TEST_CASE("fault 87: ten thousand calls at once on one thread all finish") {
    constexpr int calls = 10'000;
    constexpr rlim_t needed = calls + 200;  // the server is a process of its own, with as many
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < needed) LLLM_SKIP("fewer than 10,200 file descriptors are allowed here");
    const rlimit before = limit;
    limit.rlim_cur = std::max(limit.rlim_cur, needed);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    const ServerProcess server;
    {
      asio::io_context loop;
      HttpClient client(loop.get_executor());
      int finished = 0;
      int good = 0;
      std::size_t most = 0;
      HttpTimeouts patient;
      patient.connect = 60s;
      for (int i = 0; i < calls; ++i) {
        HttpRequest request("GET", {"http", "127.0.0.1", server.port()}, "/slow/3000");
        asio::co_spawn(loop, try_fetch(client, std::move(request), patient),
                       [&](const std::exception_ptr&, const Outcome& outcome) {
                         most = std::max(most, client.stats().open);
                         ++finished;
                         good += outcome.body == "/slow/3000" ? 1 : 0;
                       });
      }
      CHECK(run_until(loop, [&] { return finished == calls; }, 120s));
      CHECK(good == calls);
      CHECK(most > calls / 2);
      CHECK(client.stats().idle <= 256);
    }
    ::setrlimit(RLIMIT_NOFILE, &before);
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

  TEST_CASE("fault 90: answers that come out of order reach the callers they belong to") {
    World world(false);
    std::vector<std::unique_ptr<Counted>> calls;
    for (int i = 0; i < 50; ++i) {
      calls.push_back(std::make_unique<Counted>());
      const auto target = "/slow/" + std::to_string((i * 37) % 50);
      start(world.loop, try_fetch(*world.client, HttpRequest("GET", origin_of(*world.server), target)),
            *calls.back());
    }
    CHECK(run_until(world.loop, [&] {
      return std::all_of(calls.begin(), calls.end(), [](const auto& call) { return call->completions == 1; });
    }));
    for (int i = 0; i < 50; ++i)
      CHECK(calls[static_cast<std::size_t>(i)]->outcome.body == "/slow/" + std::to_string((i * 37) % 50));
  }

  TEST_CASE(
      "fault 91: when the pool is full calls wait in line, may be cancelled there, and time out there") {
    World world(false, 1);
    std::vector<int> order;
    std::vector<std::unique_ptr<Counted>> calls;
    std::vector<std::unique_ptr<asio::cancellation_signal>> signals;
    for (int i = 0; i < 6; ++i) {
      calls.push_back(std::make_unique<Counted>());
      signals.push_back(std::make_unique<asio::cancellation_signal>());
      HttpTimeouts timeouts;
      if (i == 4) timeouts.deadline = Clock::now() + 200ms;
      const HttpRequest request("GET", origin_of(*world.server), "/slow/500");
      start(world.loop, noting(order, i, try_fetch(*world.client, request, timeouts)), *calls.back(),
            signals.back().get());
      world.loop.restart();
      world.loop.poll();
    }
    CHECK(world.client->stats().waiting == 5);
    asio::post(world.loop, [&] { signals[2]->emit(asio::cancellation_type::terminal); });
    CHECK(run_until(world.loop, [&] {
      return std::all_of(calls.begin(), calls.end(), [](const auto& call) { return call->completions == 1; });
    }));
    CHECK(calls[2]->outcome.failed_with(ErrorKind::cancelled));
    CHECK(calls[4]->outcome.failed_with(ErrorKind::deadline_exceeded));
    CHECK(order == std::vector<int>{2, 4, 0, 1, 3, 5});
    CHECK(world.client->stats().connects == 1);
    CHECK(world.client->stats().waiting == 0);
  }
}
