// What an observer costs a call that has none: nothing.
#include <algorithm>
#include <memory>
#include <vector>

#include <doctest/doctest.h>

#include "lllm/invokers/observation.hpp"
#include "tests/invokers/world.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/support/sanitizer.hpp"
#include "tests/support/skip.hpp"
#include "tests/torture/interpose.hpp"

using namespace lllm;
using namespace lllm::test;

namespace {

/// Sees everything and does nothing.
struct Idle final : CallObserver {};

/// What the n-th call of an invoker asks for, on its thread; each is the same as the one before, by then.
Counts cost_of_a_call(FakeInThread& provider, const std::vector<std::shared_ptr<CallObserver>>& observers,
                      bool streamed) {
  asio::io_context loop(1);
  InvokerOptions options = towards(provider->base_url());
  for (const auto& observer : observers) options.observe(observer);
  LiteLLMInvoker invoker(loop.get_executor(), std::move(options));
  Collector sink;
  CallOptions call;
  if (streamed) call.stream_handler(&sink);
  // A turn of the loop more or less is the machine's affair: the least of several calls is the call's own.
  constexpr long many = 1'000'000'000;
  Counts least{many, many, many};
  for (int i = 0; i < 30; ++i) {
    sink.text.clear();
    watch_size(sizeof(Observation));
    const Counts before = counts_here();
    bool done = false;
    asio::co_spawn(loop, invoker.call(question(), World::model, call),
                   [&done](const std::exception_ptr& failure, const InvokeResult&) { done = !failure; });
    loop.restart();
    loop.run();
    const Counts after = counts_here();
    REQUIRE(done);
    if (i < 3) continue;  // connects, and fills what is kept
    least.allocations = std::min(least.allocations, after.allocations - before.allocations);
    least.of_watched_size = std::min(least.of_watched_size, after.of_watched_size - before.of_watched_size);
    least.looks_at_the_clock =
        std::min(least.looks_at_the_clock, after.looks_at_the_clock - before.looks_at_the_clock);
  }
  return least;
}

}  // namespace

TEST_SUITE("invokers/observer") {
  TEST_CASE("a call without observers pays for none: neither memory nor looks at the clock") {
    if (under_thread_sanitizer) LLLM_SKIP("ThreadSanitizer brings its own allocator");
    FakeInThread provider;
    provider.respond_with([](const FakeRequest&) { return FakeReply("one two three"); });
    for (const bool streamed : {false, true}) {
      CAPTURE(streamed);
      const Counts none = cost_of_a_call(provider, {}, streamed);
      const Counts one = cost_of_a_call(provider, {std::make_shared<Idle>()}, streamed);
      const Counts four = cost_of_a_call(provider,
                                         {std::make_shared<Idle>(), std::make_shared<Idle>(),
                                          std::make_shared<Idle>(), std::make_shared<Idle>()},
                                         streamed);
      CHECK(none.allocations > 10);
      CHECK(none.looks_at_the_clock > 2);
      // What is made to observe, the words that it keeps, and when it began: were any of it made for a call
      // without observers, the difference would be smaller.
      CHECK(one.of_watched_size - none.of_watched_size == 1);
      CHECK(one.allocations - none.allocations >= 2);
      CHECK(one.looks_at_the_clock - none.looks_at_the_clock == 1);
      // … and all observers share it.
      CHECK(four.allocations == one.allocations);
      CHECK(four.looks_at_the_clock == one.looks_at_the_clock);
    }
  }
}
