// Fault 89 and its sister: each allocation, and each of the system's calls, fails once in the middle of a
// call.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <new>
#include <thread>

#include <doctest/doctest.h>

#include "lllm/base/log.hpp"
#include "lllm/invokers/metrics_observer.hpp"
#include "tests/invokers/world.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/torture/interpose.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

enum class Kind { whole, streamed, streamed_tls, retried, pool_wait, named_host };

/// What was seen of calls that an observer was told of.
struct Ledger final : CallObserver {
  long open = 0;
  void call_started(const ObservedCall&) override { ++open; }
  void call_succeeded(const ObservedCall&, const InvokeResult&) override { --open; }
  void call_failed(const ObservedCall&, const Error&) override { --open; }
};

std::size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

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

struct Ended {
  int completions = 0;
  std::exception_ptr failure;
};

/// Makes one call of the kind, of which the n-th allocation or system call fails. False when there are no n.
bool torture(Kind kind, Failing what, long n, Provider& provider, Collector& sink) {
  CAPTURE(n);
  const auto ledger = std::make_shared<Ledger>();
  bool reached = false;
  bool escaped = false;
  {
    asio::io_context loop(1);
    LiteLLMInvoker invoker(loop.get_executor(), provider.options().observe(ledger));
    Ended ended;
    Ended other;
    const auto spawn = [&](Ended& into) {
      CallOptions options;
      options.deadline(60s);
      if (kind == Kind::streamed || kind == Kind::streamed_tls) options.stream_handler(&sink);
      asio::co_spawn(loop, invoker.call(question(), World::model, options),
                     [&into](const std::exception_ptr& thrown, const InvokeResult&) {
                       ++into.completions;
                       into.failure = thrown;
                     });
    };
    const int calls = kind == Kind::pool_wait ? 2 : 1;
    // A coroutine of which Asio could not start an operation is gone; the others end soon.
    const auto run_to_the_end = [&] {
      const auto end = Clock::now() + 20s;
      while (ended.completions + other.completions < calls && Clock::now() < end) {
        try {
          const auto soon = Clock::now() + (escaped ? 50ms : 20s);
          if (loop.run_one_until(soon) == 0) return;
        } catch (const std::exception&) {
          escaped = true;  // whoever runs the loop is told
        }
      }
    };
    fail_after(what, n);
    try {
      if (calls == 2) spawn(other);
      spawn(ended);
    } catch (const std::exception&) {
      escaped = true;
    }
    run_to_the_end();
    reached = stop_failing();
    run_to_the_end();
    CHECK(ended.completions <= 1);
    CHECK(other.completions <= 1);
    if (!escaped) CHECK(ended.completions + other.completions == calls);
    if (what == Failing::system_call) CHECK_FALSE(escaped);
    for (const auto* one : {&ended, &other}) {
      if (!one->failure) continue;
      try {
        std::rethrow_exception(one->failure);
      } catch (const Exception&) {       // a typed error; anything else fails the test
      } catch (const std::bad_alloc&) {  // at the outermost coroutine, where nobody can translate it any more
      }
    }
    // The same invoker serves the next call.
    loop.restart();
    CHECK(run_on(loop, invoker.call(question(), World::model)).message.text() == "one two three four five");
  }
  CHECK(ledger->open == 0);
  return reached;
}

void torture_all(Kind kind, Failing what) {
  set_log_sink({});
  // Every one of them takes minutes with a sanitizer: a test run takes every so many.
  const long stride = std::getenv("LLLM_FULL") != nullptr || what == Failing::system_call ? 1 : 5;
  Provider provider(kind);
  Collector sink;
  torture(kind, what, 1'000'000, provider, sink);  // fills what is made once
  const auto files = open_files();
  long n = 0;
  while (n < 100'000 && torture(kind, what, n, provider, sink)) n += stride;
  CHECK(n > (what == Failing::allocation ? 50 : 5));
  CHECK(n < 100'000);
  // The provider hears a moment later that its clients have gone.
  const auto end = Clock::now() + 10s;
  while (open_files() > files && Clock::now() < end) std::this_thread::sleep_for(1ms);
  CHECK(open_files() <= files);
  MESSAGE(n << " points");
}

}  // namespace

TEST_SUITE("torture") {
  TEST_CASE("fault 89: every allocation of a whole call fails once") {
    torture_all(Kind::whole, Failing::allocation);
  }
  TEST_CASE("fault 89: every allocation of a streamed call fails once") {
    torture_all(Kind::streamed, Failing::allocation);
  }
  TEST_CASE("fault 89: every allocation of a streamed TLS call fails once") {
    torture_all(Kind::streamed_tls, Failing::allocation);
  }
  TEST_CASE("fault 89: every allocation of a retried call fails once") {
    torture_all(Kind::retried, Failing::allocation);
  }
  TEST_CASE("fault 89: every allocation of a call that waits for a connection fails once") {
    torture_all(Kind::pool_wait, Failing::allocation);
  }
  TEST_CASE("fault 89: every allocation of a call whose host must be looked up fails once") {
    torture_all(Kind::named_host, Failing::allocation);
  }
  TEST_CASE("every system call of a call of each kind fails once") {
    for (const Kind kind : {Kind::whole, Kind::streamed, Kind::streamed_tls, Kind::retried, Kind::pool_wait,
                            Kind::named_host}) {
      CAPTURE(static_cast<int>(kind));
      torture_all(kind, Failing::system_call);
    }
  }
}
