// Several threads call one invoker; a pool is fair; a slow sink slows its provider.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <doctest/doctest.h>
#include <boost/asio/executor_work_guard.hpp>

#include "lllm/invokers/metrics_observer.hpp"
#include "tests/invokers/world.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/support/sleep.hpp"

using namespace lllm;
using namespace lllm::test;
using namespace std::chrono_literals;

namespace {

asio::awaitable<int> calls_of(BaseInvoker& invoker, int caller, int count) {
  int good = 0;
  for (int i = 0; i < count; ++i) {
    const std::string words = "caller " + std::to_string(caller) + " call " + std::to_string(i);
    Collector sink;
    CallOptions options;
    options.deadline(60s);
    if (i % 2 == 0) options.stream_handler(&sink);
    auto call = invoker.call(question(words), World::model, options);
    const InvokeResult result = co_await std::move(call);
    if (result.message.text() == "re: " + words) ++good;
  }
  co_return good;
}

asio::awaitable<void> flood(HttpResponder& responder, std::atomic<std::size_t>& sent, std::size_t total) {
  co_await responder.start(200, of_type("text/event-stream"));
  const std::string event = chat_delta(std::string(60'000, 'x'));
  while (sent < total) {
    co_await responder.write(event);
    sent += event.size();
  }
  co_await responder.write(chat_end);
}

/// The most memory this process ever had, in MiB.
double peak_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Takes a chunk every 100 ms, five of them; then as fast as they come, or never again.
struct SlowSink final : BaseStreamHandler {
  int taken = 0;
  bool slow = true;
  asio::awaitable<void> handle_chunk(std::string_view, const StreamChunk&) override {
    ++taken;
    if (!slow) return {};
    return sleep_for(100ms);
  }
};

}  // namespace

TEST_SUITE("invokers/threads") {
  TEST_CASE("several threads call one invoker, and each gets its own answers") {
    FakeInThread provider;
    provider.respond_with(
        [](const FakeRequest& request) { return FakeReply("re: " + request.last_user_text); });
    const auto metrics = std::make_shared<MetricsObserver>();
    asio::io_context loop(1);
    auto busy = asio::make_work_guard(loop);
    LiteLLMInvoker invoker(loop.get_executor(), towards(provider->base_url()).observe(metrics));
    std::thread runner([&] { loop.run(); });
    constexpr int threads = 4;
    constexpr int each = 40;
    std::vector<int> good(threads, 0);
    // The callers' contexts outlive the thread that hands the answers over.
    std::vector<std::unique_ptr<asio::io_context>> own;
    std::vector<std::thread> callers;
    for (int number = 0; number < threads; ++number) own.push_back(std::make_unique<asio::io_context>(1));
    for (std::size_t number = 0; number < own.size(); ++number)
      callers.emplace_back([&, number] {
        good[number] = run_on(*own[number], calls_of(invoker, static_cast<int>(number), each), 60s);
      });
    for (auto& caller : callers) {
      (void)metrics->text();  // from any thread
      caller.join();
    }
    busy.reset();
    loop.stop();
    runner.join();
    for (const int count : good) CHECK(count == each);
    CHECK(metrics->text().find("outcome=\"ok\"} 160\n") != std::string::npos);
  }

  TEST_CASE("fault 84: a sink of one chunk per 100 ms makes the provider wait, and memory stays flat") {
    constexpr std::size_t total = 256u << 20;
    std::atomic<std::size_t> sent{0};
    World world([&sent](const HttpServerRequest&, HttpResponder& responder) {
      return flood(responder, sent, total);
    });
    SlowSink sink;
    asio::io_context& loop = world.loop;
    std::exception_ptr failure;
    asio::co_spawn(loop, world.invoker->call(question(), World::model, CallOptions().stream_handler(&sink)),
                   [&](const std::exception_ptr& thrown, const InvokeResult&) { failure = thrown; });
    const double before = peak_mib();
    while (sink.taken < 5) loop.run_one();
    const std::size_t early = sent;
    while (sink.taken < 8) loop.run_one();
    // What the two sockets and one buffer hold, not what the provider has to say; and no more comes
    // meanwhile.
    CHECK(early < 32u << 20);
    CHECK(sent - early < 1u << 20);
    CHECK(peak_mib() - before < 64);
    world.invoker.reset();
    loop.restart();
    while (!failure) loop.run_one();
    CHECK(error_from(failure).kind() == ErrorKind::cancelled);
  }

  TEST_CASE("fault 91: calls that wait for a connection are served in the order they came, none is starved") {
    std::vector<int> order;
    FakeInThread provider;
    provider.respond_with(
        [](const FakeRequest& request) { return FakeReply("re: " + request.last_user_text); });
    HttpClientOptions http;
    http.max_connections_per_origin = 3;
    asio::io_context loop(1);
    LiteLLMInvoker invoker(loop.get_executor(), towards(provider->base_url(), http));
    constexpr int calls = 60;
    for (int i = 0; i < calls; ++i)
      asio::co_spawn(loop, invoker.call(question(std::to_string(i)), World::model),
                     [&order, i](const std::exception_ptr& thrown, const InvokeResult&) {
                       CHECK(!thrown);
                       order.push_back(i);
                     });
    while (order.size() < calls) loop.run_one();
    // Three at a time: nobody is overtaken by more than those beside him.
    for (int place = 0; place < calls; ++place)
      CHECK(std::abs(order[static_cast<std::size_t>(place)] - place) <= 3);
    CHECK(invoker.stats().connects == 3);
  }
}
