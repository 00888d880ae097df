#pragma once

#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "lllm/net/http_client.hpp"
#include "tests/support/loop.hpp"

namespace lllm::test {

/// What a busy machine may add to a time that is met within 10 ms on an idle one.
constexpr auto grace = std::chrono::seconds(4);

/// One whole exchange: its answer, or its one error with what had come before it.
struct Outcome {
  std::optional<Error> error;
  int status = 0;
  std::string body;
  HttpHeaders headers;
  HttpTimings timings;
  std::chrono::milliseconds took{0};

  [[nodiscard]] bool failed_with(ErrorKind kind) const { return error && error->kind() == kind; }
};

inline asio::awaitable<Outcome> outcome_of(asio::awaitable<HttpExchange> call) {
  Outcome outcome;
  const auto start = std::chrono::steady_clock::now();
  try {
    auto exchange = co_await std::move(call);
    outcome.status = exchange.head().status;
    outcome.headers = exchange.head().headers;
    outcome.timings = exchange.timings();
    while (true) {
      const auto part = co_await exchange.read_some();
      if (part.empty()) break;
      outcome.body += part;
    }
  } catch (const Exception& failure) {
    outcome.error = failure.error();
  }
  outcome.took =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  co_return outcome;
}

/// The client may be destroyed while this is under way.
inline asio::awaitable<Outcome> try_fetch(HttpClient& client, HttpRequest request,
                                          HttpTimeouts timeouts = HttpTimeouts()) {
  return outcome_of(client.send(std::move(request), timeouts));
}

/// A GET from 127.0.0.1 with a client of its own, on a loop of its own; also looks whether the connection was
/// kept.
struct OneFetch {
  Outcome outcome;
  HttpClientStats stats;
};
inline OneFetch fetch_once(const Origin& origin, HttpTimeouts timeouts = HttpTimeouts(),
                           HttpClientOptions options = HttpClientOptions(), std::string body = {}) {
  asio::io_context loop;
  if (!options.proxies) options.proxies = ProxyRules();  // not the machine's
  HttpClient client(loop.get_executor(), std::move(options));
  HttpRequest request(body.empty() ? "GET" : "POST", origin, "/", {{"Authorization", "Bearer canary"}}, body);
  OneFetch one;
  one.outcome = run_on(loop, try_fetch(client, std::move(request), timeouts));
  one.stats = client.stats();
  return one;
}

/// Every host name leads to these addresses.
inline HostLookup always(std::vector<std::string> addresses) {
  return [addresses = std::move(addresses)](const std::string&) -> Result<Addresses> {
    Addresses found;
    for (const auto& address : addresses) found.push_back(asio::ip::make_address(address));
    return found;
  };
}

}  // namespace lllm::test
