// Calls through nginx and haproxy, servers that nobody here wrote: TLS, a slow upstream, reload and restart
// under load.
#include <unistd.h>

#include <chrono>
#include <map>
#include <thread>

#include <doctest/doctest.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/net/certificates.hpp"
#include "tests/invokers/world.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/support/shell.hpp"
#include "tests/support/skip.hpp"
#include "tests/support/temp_dir.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

std::uint16_t free_port() {
  asio::io_context loop;
  return asio::ip::tcp::acceptor(loop, {asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
}

bool listens(std::uint16_t port) {
  asio::io_context loop;
  asio::ip::tcp::socket socket(loop);
  boost::system::error_code failure;
  socket.connect({asio::ip::address_v4::loopback(), port}, failure);
  return !failure;
}

/// A gateway with a plain and a TLS port before a fake provider; below /slow its patience is 200 ms.
class Gateway {
 public:
  Gateway(std::string program, std::uint16_t upstream) : program_(std::move(program)) {
    const Certificate certificate = authority_.issue();
    folder_.write("cert.pem", certificate.certificate_pem);
    folder_.write("key.pem", certificate.private_key_pem.reveal());
    folder_.write("both.pem", certificate.certificate_pem + certificate.private_key_pem.reveal());
    folder_.write("gateway.conf", program_ == "nginx" ? nginx_config(std::to_string(upstream))
                                                      : haproxy_config(std::to_string(upstream)));
    start();
  }
  ~Gateway() { stop(); }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] std::string plain() const { return "http://127.0.0.1:" + std::to_string(plain_); }
  [[nodiscard]] std::string tls() const { return "https://127.0.0.1:" + std::to_string(tls_); }
  [[nodiscard]] const std::string& ca_pem() const { return authority_.pem(); }

  void start() const {
    const std::string command =
        program_ == "nginx" ? " -e " + quoted(file("error.log")) + " -c " + quoted(file("gateway.conf"))
                            : " -W -D -p " + quoted(file("pid")) + " -f " + quoted(file("gateway.conf"));
    const auto started = shell(quoted(find_program(program_).string()) + command + " 2>&1 </dev/null");
    if (started.status != 0) throw std::runtime_error(program_ + " did not start: " + started.output);
    const auto end = Clock::now() + 10s;
    while (!(listens(plain_) && listens(tls_)))
      if (Clock::now() > end) throw std::runtime_error(program_ + " does not listen");
  }
  /// New workers take over; the old ones finish what they have.
  void reload() const { signal(program_ == "nginx" ? "HUP" : "USR2"); }
  /// Ends at once, whatever is under way.
  void stop() const {
    signal("TERM");
    const auto end = Clock::now() + 10s;
    while (listens(plain_) && Clock::now() < end) std::this_thread::yield();
  }

 private:
  [[nodiscard]] std::string file(const char* name) const { return (folder_.path() / name).string(); }
  void signal(const char* name) const {
    shell(std::string("kill -") + name + " $(cat " + quoted(file("pid")) + ")");
  }

  [[nodiscard]] std::string nginx_config(const std::string& upstream) const {
    const std::string path = folder_.path().string();
    const std::string pass =
        " proxy_pass http://127.0.0.1:" + upstream +
        "/; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering off; ";
    // As root, nginx would drop to a user who may not read a temporary folder.
    return std::string(::geteuid() == 0 ? "user root; " : "") + "daemon on; worker_processes 1; pid " + path +
           "/pid; error_log " + path +
           "/error.log;\nevents { worker_connections 512; }\nhttp { access_log off; " +
           "client_body_temp_path " + path + "/t1; proxy_temp_path " + path + "/t2; fastcgi_temp_path " +
           path + "/t3; uwsgi_temp_path " + path + "/t4; scgi_temp_path " + path +
           "/t5;\nserver { listen 127.0.0.1:" + std::to_string(plain_) +
           "; listen 127.0.0.1:" + std::to_string(tls_) + " ssl; ssl_certificate " + path +
           "/cert.pem; ssl_certificate_key " + path + "/key.pem;\nlocation / {" + pass +
           "}\nlocation /slow/ {" + pass + "proxy_read_timeout 200ms; }\n} }\n";
  }

  [[nodiscard]] std::string haproxy_config(const std::string& upstream) const {
    const std::string server = "\n  server fake 127.0.0.1:" + upstream + "\n";
    return "global\n  maxconn 500\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  "
           "timeout server "
           "60s\nfrontend in\n  bind 127.0.0.1:" +
           std::to_string(plain_) + "\n  bind 127.0.0.1:" + std::to_string(tls_) + " ssl crt " +
           file("both.pem") +
           "\n  use_backend slow if { path_beg /slow/ }\n  default_backend all\nbackend all" + server +
           "backend slow\n  timeout server 200ms\n  http-request replace-path /slow(/.*) \\1" + server;
  }

  TempDir folder_;
  CertificateAuthority authority_;
  std::string program_;
  std::uint16_t plain_ = free_port();
  std::uint16_t tls_ = free_port();
};

InvokerOptions through(const Gateway& gateway, const std::string& base) {
  HttpClientOptions http;
  http.proxies = ProxyRules();
  http.tls.ca_pem = gateway.ca_pem();
  return towards(base).http(http);
}

struct Counts {
  bool stop = false;
  int good = 0;
  std::map<std::string, int> failed;
};

asio::awaitable<void> keep_calling(BaseInvoker& invoker, Counts& counts, int& alive) {
  ++alive;
  int number = 0;
  while (!counts.stop) {
    ++number;
    Collector sink;
    CallOptions options;
    options.deadline(30s);
    if (number % 2 == 0) options.stream_handler(&sink);
    std::string failure;
    try {
      auto call = invoker.call(question(), World::model, options);
      const InvokeResult result = co_await std::move(call);
      if (result.message.text() == "one two three four five" &&
          (number % 2 == 1 || sink.text == result.message.text()))
        ++counts.good;
      else
        ++counts.failed["a wrong answer: " + result.message.text()];
    } catch (const Exception& e) {
      failure = to_string(e.kind());
    } catch (const std::exception& e) {
      failure = std::string("untyped: ") + e.what();
    }
    if (!failure.empty()) ++counts.failed[failure];
  }
  --alive;
}

std::string told(const Counts& counts) {
  std::string text = std::to_string(counts.good) + " good";
  for (const auto& [what, count] : counts.failed) text += ", " + std::to_string(count) + " " + what;
  return text;
}

/// Twenty callers; `during` happens in their midst, and is over when they have had to connect anew.
Counts under_load(LiteLLMInvoker& invoker, asio::io_context& loop, const std::function<void()>& during) {
  Counts counts;
  int alive = 0;
  for (int i = 0; i < 20; ++i)
    asio::co_spawn(loop, keep_calling(invoker, counts, alive),
                   [](const std::exception_ptr& failure) { CHECK(!failure); });
  const auto run_until = [&](const std::function<bool()>& done) {
    const auto end = Clock::now() + 60s;
    loop.restart();
    while (!done() && Clock::now() < end) loop.run_one_for(10ms);
    CHECK(done());
  };
  run_until([&] { return counts.good >= 60; });
  const auto connects = invoker.stats().connects;
  during();
  const int before = counts.good;
  run_until([&] { return counts.good >= before + 60 && invoker.stats().connects > connects; });
  counts.stop = true;
  run_until([&] { return alive == 0; });
  return counts;
}

void drive(const std::string& program) {
  if (find_program(program).empty()) LLLM_SKIP(program + " is not installed");
  FakeInThread provider(FakeOptions().tokens_per_second(500));
  provider.respond_with([](const FakeRequest& request) {
    FakeReply reply("one two three four five");
    if (request.last_user_text == "slow") reply.time_to_first_token = 60s;
    if (request.last_user_text == "stall") {
      reply.fault = FakeFault::stall;
      reply.fault_after = 2;
    }
    return reply;
  });
  const Gateway gateway(program, provider->port());
  asio::io_context loop(1);

  // TLS and plain, streamed and whole, over kept connections.
  for (const auto& base : {gateway.plain(), gateway.tls()}) {
    LiteLLMInvoker invoker(loop.get_executor(), through(gateway, base + "/v1"));
    for (int i = 0; i < 4; ++i) {
      Collector sink;
      CallOptions options;
      if (i % 2 == 0) options.stream_handler(&sink);
      const auto result = run_on(loop, invoker.call(question(), World::model, options));
      CHECK(result.message.text() == "one two three four five");
      if (i % 2 == 0) CHECK(sink.text == result.message.text());
    }
    CHECK(invoker.stats().connects == 1);
  }
  {
    // The gateway loses its patience with the upstream: its 504 is told as what it is.
    LiteLLMInvoker invoker(loop.get_executor(), through(gateway, gateway.tls() + "/slow/v1").max_retries(1));
    const Error error = error_on(loop, invoker.call(question("slow"), World::model));
    CHECK(error.status() == 504);
    CHECK(error.kind() == ErrorKind::provider_error);
    CHECK(error.attempts() == 2);
    CHECK(error.to_string().find("canary") == std::string::npos);
    // A stream that stalls behind the gateway is cut off by it, never short.
    Collector sink;
    const Error cut =
        error_on(loop, invoker.call(question("stall"), World::model, CallOptions().stream_handler(&sink)));
    CHECK_MESSAGE((cut.kind() == ErrorKind::connection_lost || cut.kind() == ErrorKind::incomplete_reply),
                  cut.to_string());
    CHECK(sink.text == "one two");
    REQUIRE(cut.partial());
    CHECK(cut.partial()->text() == "one two");
    CHECK(cut.status() == 200);
    CHECK(cut.attempts() == 1);
    CHECK(invoker.stats().open == invoker.stats().idle);
  }
  LiteLLMInvoker invoker(loop.get_executor(), through(gateway, gateway.tls() + "/v1"));
  const Counts drained = under_load(invoker, loop, [&] { gateway.reload(); });
  CHECK_MESSAGE(drained.failed.empty(), (program + " reloaded: " + told(drained)));
  const Counts restarted = under_load(invoker, loop, [&] {
    gateway.stop();
    gateway.start();
  });
  // What was under way is cut off: each such call says so, none is short, and the next ones succeed.
  for (const auto& [what, count] : restarted.failed)
    CHECK_MESSAGE((what == "connection_lost" || what == "connect_failed" || what == "tls_failed" ||
                   what == "incomplete_reply" || what == "provider_error" || what == "overloaded"),
                  (program + " restarted: " + told(restarted)));
}

}  // namespace

TEST_SUITE("invokers/gateways") {
  TEST_CASE("nginx before the provider: TLS, a slow upstream, reload and restart under load") {
    drive("nginx");
  }
  TEST_CASE("haproxy before the provider: TLS, a slow upstream, reload and restart under load") {
    drive("haproxy");
  }
}
