#include "lllm/async/gather.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>

#include "lllm/base/error.hpp"

using namespace lllm;

namespace {

struct Gauge {
  int now = 0;
  int most = 0;
};

asio::awaitable<int> numbered(int value, int turns, Gauge& gauge) {
  gauge.most = std::max(gauge.most, ++gauge.now);
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (int i = 0; i < turns; ++i) {
    timer.expires_after(std::chrono::milliseconds(0));
    co_await timer.async_wait(asio::use_awaitable);
  }
  --gauge.now;
  if (value < 0) throw_error(ErrorKind::tool_failed, "negative");
  co_return value;
}

asio::awaitable<int> never() {
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
  co_return 0;
}

std::vector<int> run(std::vector<asio::awaitable<int>> operations, std::size_t limit) {
  asio::io_context context;
  auto result = asio::co_spawn(context, gather(std::move(operations), limit), asio::use_future);
  context.run();
  return result.get();
}

}  // namespace

TEST_SUITE("async/gather") {
  TEST_CASE("results come in the order of the operations, whatever finishes first, within the limit") {
    Gauge gauge;
    std::vector<asio::awaitable<int>> operations;
    for (int i = 0; i < 20; ++i) operations.push_back(numbered(i, 20 - i, gauge));
    const auto results = run(std::move(operations), 4);
    REQUIRE(results.size() == 20);
    for (int i = 0; i < 20; ++i) CHECK(results[static_cast<std::size_t>(i)] == i);
    CHECK(gauge.most == 4);
    CHECK(run({}, 4).empty());
  }

  TEST_CASE("the first failure cancels the others and is the one that is thrown") {
    Gauge gauge;
    std::vector<asio::awaitable<int>> operations;
    operations.push_back(never());
    operations.push_back(numbered(-1, 3, gauge));
    CHECK_THROWS_WITH_AS(run(std::move(operations), 8), "negative", Exception);
  }
}
