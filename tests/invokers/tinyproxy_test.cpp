// Calls through tinyproxy, a proxy that nobody here wrote, as the environment's variables ask for it.
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/net/process.hpp"
#include "tests/invokers/world.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/support/skip.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Variables = std::map<std::string, std::string>;

std::uint16_t free_port() {
  asio::io_context loop;
  return asio::ip::tcp::acceptor(loop, {asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
}

/// tinyproxy with a user, for as long as this object lives.
class Tinyproxy {
 public:
  explicit Tinyproxy(asio::io_context& loop) : port_(free_port()) {
    ProcessOptions command;
    const auto config = folder_.write("tinyproxy.conf",
                                      "Port " + std::to_string(port_) +
                                          "\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogLevel Critical\n"
                                          "Allow 127.0.0.1\nBasicAuth user pass-canary\n");
    command.argv = {find_program("tinyproxy").string(), "-d", "-c", config.string()};
    process_ = std::make_unique<Process>(loop.get_executor(), command);
    const auto end = std::chrono::steady_clock::now() + 20s;
    asio::ip::tcp::socket probe(loop);
    boost::system::error_code failure;
    do {
      probe.close(failure);
      probe.connect({asio::ip::address_v4::loopback(), port_}, failure);
    } while (failure && std::chrono::steady_clock::now() < end);
    REQUIRE(!failure);
  }
  void kill() { process_.reset(); }
  [[nodiscard]] std::string with(const std::string& credentials) const {
    return credentials + "@127.0.0.1:" + std::to_string(port_);
  }

 private:
  TempDir folder_;
  std::uint16_t port_;
  std::unique_ptr<Process> process_;
};

const std::string right = "user:pass-canary";
const std::string wrong = "user:other-canary";

InvokerOptions behind(FakeInThread& provider, const Variables& variables) {
  HttpClientOptions http;
  http.proxies = proxy_rules([&variables](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
  http.proxies->loopback_direct = false;
  http.tls.ca_pem = provider->ca_pem();
  return towards(provider->base_url()).http(http).max_retries(0);
}

void check_calls(asio::io_context& loop, FakeInThread& provider, const Variables& variables,
                 std::uint64_t connects = 1) {
  LiteLLMInvoker invoker(loop.get_executor(), behind(provider, variables));
  for (const bool streamed : {true, false, true}) {
    CAPTURE(streamed);
    Collector sink;
    CallOptions options;
    if (streamed) options.stream_handler(&sink);
    CHECK(run_on(loop, invoker.call(question(), World::model, options)).message.text() == "one two three");
    CHECK(sink.text == (streamed ? "one two three" : ""));
  }
  CHECK(invoker.stats().connects == connects);
}

FakeReply words(const FakeRequest& request) {
  FakeReply reply("one two three");
  if (request.last_user_text == "stall") {
    reply.fault = FakeFault::stall;
    reply.fault_after = 2;
  }
  return reply;
}

}  // namespace

TEST_SUITE("invokers/tinyproxy") {
  TEST_CASE("fault 18: calls through tinyproxy: CONNECT and plain, its password, NO_PROXY, and its death") {
    if (find_program("tinyproxy").empty()) LLLM_SKIP("tinyproxy is not installed");
    asio::io_context loop(1);
    Tinyproxy proxy(loop);
    for (const bool tls : {true, false}) {
      CAPTURE(tls);
      const std::string variable = tls ? "HTTPS_PROXY" : "HTTP_PROXY";
      FakeInThread provider(FakeOptions().tls(tls).tokens_per_second(200));
      provider.respond_with(words);
      const std::uint64_t connects = tls ? 1 : 3;  // plain HTTP it forwards a request per connection
      check_calls(loop, provider, {{variable, proxy.with(right)}}, connects);
      check_calls(loop, provider, {{"all_proxy", "http://" + proxy.with(right) + "/"}}, connects);
      const auto asked = provider->stats().requests;

      LiteLLMInvoker refused(loop.get_executor(), behind(provider, {{variable, proxy.with(wrong)}}));
      const Error error = error_on(loop, refused.call(question(), World::model));
      // It says 401 where it should say 407; of a request that it forwards this might have been the
      // provider's.
      CHECK_MESSAGE(error.kind() == ErrorKind::proxy_failed, error.to_string());
      CHECK(error.message().find("the proxy 127.0.0.1:") != std::string::npos);
      CHECK(error.status() == 401);
      CHECK(error.attempts() == 1);
      CHECK(error.to_string().find("canary") == std::string::npos);
      CHECK(refused.stats().open == 0);
      CHECK(provider->stats().requests == asked);

      for (const std::string& direct : {std::string("*"), std::string("localhost,127.0.0.0/8"),
                                        "127.0.0.1:" + std::to_string(provider->port())})
        check_calls(loop, provider, {{variable, proxy.with(wrong)}, {"NO_PROXY", direct}});
    }

    FakeInThread provider(FakeOptions().tls(true));
    provider.respond_with(words);
    LiteLLMInvoker invoker(loop.get_executor(), behind(provider, {{"HTTPS_PROXY", proxy.with(right)}}));
    struct Killer final : BaseStreamHandler {
      Tinyproxy& victim;
      std::string text;
      explicit Killer(Tinyproxy& of) : victim(of) {}
      asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk&) override {
        text += content;
        if (text == "one two") victim.kill();
        return {};
      }
    };
    Killer killer(proxy);
    const Error cut = error_on(loop, invoker.call(question("stall"), World::model,
                                                  CallOptions().stream_handler(&killer).deadline(20s)));
    CHECK_MESSAGE(cut.kind() == ErrorKind::connection_lost, cut.to_string());
    REQUIRE(cut.partial());
    CHECK(cut.partial()->text() == "one two");
    const Error dead = error_on(loop, invoker.call(question(), World::model));
    CHECK(dead.kind() == ErrorKind::connect_failed);
    CHECK(dead.message().find("the proxy 127.0.0.1:") != std::string::npos);
    CHECK(dead.to_string().find("canary") == std::string::npos);
  }
}
