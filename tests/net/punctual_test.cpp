// Fault 80 and its sister: whatever an exchange waits for, its deadline and its cancellation are met within
// ten milliseconds, and nothing is left behind.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/post.hpp>

#include "tests/net/client_world.hpp"
#include "tests/support/black_hole.hpp"
#include "tests/support/fault_server.hpp"
#include "tests/support/sanitizer.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

/// Code that a sanitizer watches takes many times as long: it looks at all 16 MB of a request with each send.
constexpr auto in_time = under_address_sanitizer || under_thread_sanitizer ? 1000ms : 10ms;

/// Something to wait for that does not come.
struct Wait {
  std::string name;
  Origin origin;
  std::string body;
  HttpClientOptions options = HttpClientOptions();
  std::uint16_t proxy = 0;
};

HttpClientOptions options_of(const Wait& wait) {
  HttpClientOptions options = wait.options;
  options.proxies = ProxyRules();
  if (wait.proxy != 0) {
    options.proxies->for_https = parse_proxy("127.0.0.1:" + std::to_string(wait.proxy)).value();
    options.proxies->loopback_direct = false;
  }
  return options;
}

/// A call that has the only connection a pool allows.
struct Holder {
  Counted call;
  Holder(asio::io_context& loop, HttpClient& client, const Wait& wait) {
    if (wait.options.max_connections_per_origin == 0) return;
    start(loop, try_fetch(client, HttpRequest("GET", wait.origin, "/")), call);
    run_until(loop, [&] { return client.stats().open == 1; });
  }
};

/// How late the best of several tries was: a busy machine may be late, lllm may not.
std::chrono::nanoseconds best_of(const Wait& wait, bool by_deadline) {
  asio::io_context loop;
  HttpClient client(loop.get_executor(), options_of(wait));
  const Holder holder(loop, client, wait);
  const auto held = client.stats().open;
  auto best = std::chrono::nanoseconds::max();
  for (int i = 0; i < 8 && best >= 10ms; ++i) {
    Counted call;
    asio::cancellation_signal signal;
    auto end = Clock::now() + 25ms;
    HttpTimeouts timeouts;
    if (by_deadline) timeouts.deadline = end;
    HttpRequest request(wait.body.empty() ? "GET" : "POST", wait.origin, "/", {}, wait.body);
    start(loop, try_fetch(client, std::move(request), timeouts), call, &signal);
    if (!by_deadline) {
      run_until(loop, [&] { return Clock::now() >= end; });
      REQUIRE(call.completions == 0);
      end = Clock::now();
      asio::post(loop, [&] { signal.emit(asio::cancellation_type::terminal); });
    }
    while (call.completions == 0 && Clock::now() < end + grace) loop.run_one_for(1s);
    const auto late = Clock::now() - end;
    CHECK(call.completions == 1);
    CHECK_MESSAGE(call.outcome.failed_with(by_deadline ? ErrorKind::deadline_exceeded : ErrorKind::cancelled),
                  (call.outcome.error ? call.outcome.error->to_string() : "no error"));
    CHECK(client.stats().open == held);
    CHECK(client.stats().waiting == 0);
    best = std::min(best, std::chrono::nanoseconds(late));
    loop.restart();
  }
  return best;
}

}  // namespace

TEST_SUITE("net/faults") {
  TEST_CASE("fault 80: deadline and cancellation are met within ten milliseconds, whatever is waited for") {
    const auto released = std::make_shared<std::atomic<bool>>(false);  // the helper thread outlives this case
    const BlackHole hole;
    FaultServer silent([](FaultPeer& peer) { peer.hang(); });
    FaultServer stalls([](FaultPeer& peer) {
      peer.read_request();
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      peer.hang();
    });
    HttpClientOptions hanging;
    hanging.host_lookup = [released](const std::string&) -> Result<Addresses> {
      while (!*released) std::this_thread::sleep_for(1ms);
      return Error(ErrorKind::dns_failed, "late");
    };
    HttpClientOptions one_at_a_time;
    one_at_a_time.max_connections_per_origin = 1;
    const Origin plain("http", "127.0.0.1", silent.port());
    const std::vector<Wait> waits = {{"a name", {"http", "hangs.test", 80}, {}, hanging},
                                     {"a connection", {"http", "127.0.0.1", hole.port()}, {}},
                                     {"a tunnel", {"https", "api.test", 443}, {}, {}, silent.port()},
                                     {"a handshake", {"https", "127.0.0.1", silent.port()}, {}},
                                     {"the request to be taken", plain, std::string(16 << 20, 'u')},
                                     {"an answer", plain, {}},
                                     {"the rest of an answer", {"http", "127.0.0.1", stalls.port()}, {}},
                                     {"its turn", plain, {}, one_at_a_time}};
    for (const Wait& wait : waits)
      for (const bool by_deadline : {true, false}) {
        CAPTURE(wait.name);
        CAPTURE(by_deadline);
        CHECK(best_of(wait, by_deadline) < in_time);
      }
    *released = true;
  }
}
