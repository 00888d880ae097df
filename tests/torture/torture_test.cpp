// Fault 89 and its sister: each allocation, and each of the system's calls, fails once in the middle of a
// call.
#include <doctest/doctest.h>

#include "tests/invokers/world.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/support/sanitizer.hpp"
#include "tests/support/skip.hpp"
#include "tests/torture/torture.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

enum class Kind { whole, streamed, streamed_tls, retried, pool_wait, named_host };

/// A provider on a thread of its own, whose memory and calls do not fail.
class Provider {
 public:
  explicit Provider(Kind kind)
      : fake_(FakeOptions().tls(kind == Kind::streamed_tls).answer_words(12)), kind_(kind) {
    fake_.respond_with([kind, count = 0](const FakeRequest&) mutable {
      if (kind != Kind::retried || ++count % 2 == 0) return FakeReply("one two three four five");
      FakeReply busy = FakeReply::error(503, "overloaded", "busy");
      busy.headers = {{"retry-after-ms", "1"}};
      return busy;
    });
  }
  [[nodiscard]] InvokerOptions options() {
    HttpClientOptions http;
    http.proxies = ProxyRules();
    http.tls.ca_pem = fake_->ca_pem();
    if (kind_ == Kind::pool_wait) http.max_connections_per_origin = 1;
    // Without the half second before a retry, where it is not the retry that is tortured.
    const std::string base = kind_ == Kind::named_host
                                 ? "http://localhost:" + std::to_string(fake_->port()) + "/v1"
                                 : fake_->base_url();
    return towards(base).http(http).max_retries(kind_ == Kind::retried ? 1 : 0);
  }

 private:
  FakeInThread fake_;
  Kind kind_;
};

class CallScene final : public Scene {
 public:
  CallScene(Kind kind, Provider& provider)
      : kind_(kind), invoker_(loop.get_executor(), provider.options().observe(ledger)) {}
  asio::awaitable<void> work() override {
    CallOptions options;
    options.deadline(60s);
    if (kind_ == Kind::streamed || kind_ == Kind::streamed_tls) options.stream_handler(&sink_);
    auto call = invoker_.call(question(), World::model, options);
    const InvokeResult result = co_await std::move(call);
    text_ = result.message.text();
  }
  [[nodiscard]] int count() const override { return kind_ == Kind::pool_wait ? 2 : 1; }
  void check_success() override { CHECK(text_ == "one two three four five"); }
  void check_after() override {
    CHECK(run_on(loop, invoker_.call(question(), World::model)).message.text() == "one two three four five");
  }

 private:
  Kind kind_;
  Collector sink_;
  std::string text_;
  LiteLLMInvoker invoker_;
};

void torture_calls(Kind kind, Failing what) {
  Provider provider(kind);
  Torture how;
  how.what = what;
  if (what == Failing::allocation) how.stride = 5, how.least = 50;
  torture_all([&] { return std::make_unique<CallScene>(kind, provider); }, how);
}

}  // namespace

TEST_SUITE("torture") {
  TEST_CASE("fault 89: every allocation of a whole call fails once") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_calls(Kind::whole, Failing::allocation);
  }
  TEST_CASE("fault 89: every allocation of a streamed call fails once") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_calls(Kind::streamed, Failing::allocation);
  }
  TEST_CASE("fault 89: every allocation of a streamed TLS call fails once") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_calls(Kind::streamed_tls, Failing::allocation);
  }
  TEST_CASE("fault 89: every allocation of a retried call fails once") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_calls(Kind::retried, Failing::allocation);
  }
  TEST_CASE("fault 89: every allocation of a call that waits for a connection fails once") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_calls(Kind::pool_wait, Failing::allocation);
  }
  TEST_CASE("fault 89: every allocation of a call whose host must be looked up fails once") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    torture_calls(Kind::named_host, Failing::allocation);
  }
  TEST_CASE("every system call of a call of each kind fails once") {
    for (const Kind kind : {Kind::whole, Kind::streamed, Kind::streamed_tls, Kind::retried, Kind::pool_wait,
                            Kind::named_host}) {
      CAPTURE(static_cast<int>(kind));
      torture_calls(kind, Failing::system_call);
    }
  }
}
