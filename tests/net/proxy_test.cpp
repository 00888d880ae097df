// Fault 18: proxies, scripted and a real one.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/net/http_server.hpp"
#include "lllm/net/process.hpp"
#include "tests/net/fetch.hpp"
#include "tests/support/fault_server.hpp"
#include "tests/support/skip.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

HttpClientOptions through(std::uint16_t port, const std::string& credentials = "user:proxy-canary@") {
  HttpClientOptions options;
  ProxyRules rules;
  rules.for_http = parse_proxy("http://" + credentials + "127.0.0.1:" + std::to_string(port)).value();
  rules.for_https = rules.for_http;
  rules.loopback_direct = false;
  options.proxies = rules;
  return options;
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::uint16_t free_port() {
  asio::io_context loop;
  return asio::ip::tcp::acceptor(loop, {asio::ip::make_address("127.0.0.1"), 0}).local_endpoint().port();
}

}  // namespace

TEST_SUITE("net/proxy") {
  TEST_CASE("fault 18: a 401 with a page is the forwarding proxy's, a 401 with JSON the provider's") {
    FaultServer proxy([](FaultPeer& peer) {
      peer.read_request();
      const std::string type = peer.number() == 0 ? "text/html" : "application/json";
      peer.send("HTTP/1.1 401 No\r\nContent-Type: " + type + "\r\nContent-Length: 2\r\n\r\n{}");
    });
    const auto page = fetch_once({"http", "api.test", 80}, HttpTimeouts(), through(proxy.port()));
    CHECK(page.outcome.failed_with(ErrorKind::proxy_failed));
    CHECK(page.outcome.error->status() == 401);
    CHECK(page.stats.open == 0);
    CHECK(fetch_once({"http", "api.test", 80}, HttpTimeouts(), through(proxy.port())).outcome.status == 401);
  }

  TEST_CASE("fault 18: a proxy that answers 407 or 502, or hangs up, is a typed error") {
    const std::vector<std::string> answers{plain_answer(407, "no"), plain_answer(502, "no"),
                                           plain_answer(407, "no"), "", "HTTP/1.1 200 OK\r\n\r\nsurplus"};
    FaultServer proxy([&answers](FaultPeer& peer) {
      peer.read_request();
      peer.send(answers.at(static_cast<std::size_t>(peer.number())));
    });
    for (const int status : {407, 502}) {
      const auto one = fetch_once({"https", "api.test", 443}, HttpTimeouts(), through(proxy.port()));
      REQUIRE(one.outcome.failed_with(ErrorKind::proxy_failed));
      CHECK(one.outcome.error->status() == status);
      CHECK_FALSE(holds(one.outcome.error->to_string(), "proxy-canary"));
      CHECK(one.stats.open == 0);
    }
    CHECK(fetch_once({"http", "api.test", 80}, HttpTimeouts(), through(proxy.port()))
              .outcome.failed_with(ErrorKind::proxy_failed));
    CHECK(fetch_once({"https", "api.test", 443}, HttpTimeouts(), through(proxy.port()))
              .outcome.failed_with(ErrorKind::proxy_failed));
    CHECK(fetch_once({"https", "api.test", 443}, HttpTimeouts(), through(proxy.port()))
              .outcome.failed_with(ErrorKind::proxy_failed));
    // Nothing of the request, least of all its key, was shown to a proxy that gave no tunnel.
    const auto seen = proxy.received();
    CHECK(holds(seen, "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\nProxy-Authorization: Basic "));
    CHECK_FALSE(holds(seen.substr(0, seen.find("GET http://")), "Bearer canary"));
  }

  TEST_CASE("plain HTTP goes to the proxy with its whole URL") {
    FaultServer proxy([](FaultPeer& peer) {
      peer.read_request();
      peer.send(plain_answer(200, "from afar"));
      peer.read_to_end();
    });
    const auto one = fetch_once({"http", "api.test", 8080}, HttpTimeouts(), through(proxy.port()));
    CHECK(one.outcome.body == "from afar");
    CHECK(holds(proxy.received(), "GET http://api.test:8080/ HTTP/1.1\r\nHost: api.test:8080\r\n"));
    CHECK(holds(proxy.received(), "Proxy-Authorization: Basic "));
  }

  TEST_CASE("the environment's proxy is used, with its credentials, unless the options say otherwise") {
    FaultServer proxy([](FaultPeer& peer) {
      peer.read_request();
      peer.send(plain_answer(200, "from afar"));
      peer.read_to_end();
    });
    const std::vector<std::string> names = {"http_proxy", "HTTP_PROXY", "NO_PROXY",      "no_proxy",
                                            "ALL_PROXY",  "all_proxy",  "REQUEST_METHOD"};
    std::vector<std::pair<std::string, std::string>> before;
    for (const auto& name : names) {
      if (const char* value = std::getenv(name.c_str())) before.emplace_back(name, value);
      ::unsetenv(name.c_str());
    }
    ::setenv("HTTP_PROXY", ("http://user:pass@127.0.0.1:" + std::to_string(proxy.port())).c_str(), 1);
    asio::io_context loop;
    HttpClientOptions options;
    options.host_lookup = always({"127.0.0.77"});
    HttpClient by_environment(loop.get_executor(), options);
    options.proxies = ProxyRules();
    HttpClient by_options(loop.get_executor(), options);
    for (const auto& name : names) ::unsetenv(name.c_str());
    for (const auto& [name, value] : before) ::setenv(name.c_str(), value.c_str(), 1);

    const HttpRequest request("GET", {"http", "api.test", 1}, "/");
    CHECK(run_on(loop, try_fetch(by_environment, request)).body == "from afar");
    CHECK(holds(proxy.received(), "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
    CHECK(run_on(loop, try_fetch(by_options, request)).failed_with(ErrorKind::connect_failed));
    CHECK(proxy.accepted() == 1);
  }

  TEST_CASE("a proxy that is dead, or does not answer CONNECT, is told as what it is") {
    const auto dead = fetch_once({"https", "api.test", 443}, HttpTimeouts(), through(1));
    REQUIRE(dead.outcome.failed_with(ErrorKind::connect_failed));
    CHECK_MESSAGE(holds(dead.outcome.error->message(), "the proxy 127.0.0.1:1"),
                  dead.outcome.error->message());
    FaultServer proxy([](FaultPeer& peer) { peer.hang(); });
    HttpTimeouts timeouts;
    timeouts.connect = 100ms;
    const auto silent = fetch_once({"https", "api.test", 443}, timeouts, through(proxy.port()));
    REQUIRE(silent.outcome.failed_with(ErrorKind::connect_timeout));
    CHECK_MESSAGE(holds(silent.outcome.error->message(),
                        "no tunnel was opened to api.test:443 (through the proxy 127.0.0.1:"),
                  silent.outcome.error->message());
  }

  TEST_CASE("fault 18: a tunnel through tinyproxy, whose credentials never reach the origin") {
    const auto program = find_program("tinyproxy");
    if (program.empty()) LLLM_SKIP("tinyproxy is not installed");
    asio::io_context loop;
    HttpHeaders seen;
    HttpServerOptions server_options;
    server_options.tls = true;
    HttpServer server(
        loop.get_executor(),
        [&seen](const HttpServerRequest& request, HttpResponder& responder) -> asio::awaitable<void> {
          seen = request.headers;
          return responder.send(200, {}, "through the tunnel");
        },
        server_options);
    const TempDir folder;
    const auto port = free_port();
    const auto config = folder.write("tinyproxy.conf", "Port " + std::to_string(port) +
                                                           "\nListen 127.0.0.1\nTimeout 10\nMaxClients 10\n"
                                                           "Allow 127.0.0.1\nBasicAuth user proxycanary\n"
                                                           "ConnectPort " +
                                                           std::to_string(server.port()) + "\n");
    ProcessOptions command;
    command.argv = {program.string(), "-d", "-c", config.string()};
    Process proxy(loop.get_executor(), command);

    const auto fetch = [&](const std::string& credentials) {
      auto options = through(port, credentials);
      options.tls.ca_pem = server.ca_pem();
      HttpClient client(loop.get_executor(), options);
      const HttpRequest request("GET", {"https", "localhost", server.port()}, "/",
                                {{"Authorization", "Bearer k"}});
      Outcome outcome;
      for (int attempt = 0; attempt < 200; ++attempt) {  // it takes a moment to listen
        outcome = run_on(loop, try_fetch(client, request));
        if (!outcome.failed_with(ErrorKind::connect_failed)) break;
        asio::steady_timer pause(loop, 20ms);
        pause.wait();
      }
      return outcome;
    };
    const auto outcome = fetch("user:proxycanary@");
    CHECK_MESSAGE(outcome.body == "through the tunnel", (outcome.error ? outcome.error->to_string() : ""));
    CHECK(seen.get("authorization") == "Bearer k");
    CHECK_FALSE(seen.contains("proxy-authorization"));
    const auto refused = fetch("user:wrong@");
    CHECK(refused.failed_with(ErrorKind::proxy_failed));
    CHECK(server.requests() == 1);

    // NO_PROXY: the same credentials are never shown to the proxy, and nothing goes through it.
    auto direct = through(port, "user:wrong@");
    direct.proxies->direct.emplace_back("localhost");
    direct.tls.ca_pem = server.ca_pem();
    HttpClient client(loop.get_executor(), direct);
    const HttpRequest request("GET", {"https", "localhost", server.port()}, "/");
    CHECK(run_on(loop, try_fetch(client, request)).body == "through the tunnel");
    CHECK(server.requests() == 2);
  }
}
