#include "benchmarks/arrivals.hpp"

#include <chrono>
#include <exception>
#include <memory>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace bench {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

double micros_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

}  // namespace

asio::awaitable<void> one_after_the_other(OneCall call, int count, std::vector<double>& micros) {
  micros.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    co_await call();
    micros.push_back(micros_since(start));
  }
}

asio::awaitable<void> arrivals(OneCall call, int rate, int count, std::vector<double>& micros) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer all_done(executor, Clock::time_point::max());
  micros.reserve(static_cast<std::size_t>(count));
  std::exception_ptr failure;
  int done = 0;
  auto due = Clock::now();
  for (int i = 0; i < count; ++i) {
    due += std::chrono::nanoseconds(1'000'000'000 / rate);
    // A timer would measure how long the machine takes to wake a thread: the loop turns round and round
    // instead.
    while (Clock::now() < due) co_await asio::post(executor, asio::use_awaitable);
    asio::co_spawn(executor, call(), [&, due](const std::exception_ptr& e) {
      if (e && !failure) failure = e;
      micros.push_back(micros_since(due));
      if (++done == count) all_done.cancel();
    });
  }
  if (done < count) {
    boost::system::error_code ended;
    co_await all_done.async_wait(asio::redirect_error(asio::use_awaitable, ended));
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace bench
