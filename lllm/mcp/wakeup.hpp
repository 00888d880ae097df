#pragma once

#include <chrono>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/base/error.hpp"

namespace lllm {

namespace asio = boost::asio;

/// One coroutine's wait for something that others do, or for a time. Confined to its executor.
class Wakeup {
 public:
  explicit Wakeup(const asio::any_io_executor& executor) : timer_(executor) {}

  /// Ends the wait, or the next one before it begins.
  void wake() {
    woken_ = true;
    timer_.cancel();
  }
  /// True when it was woken, false when the time has come. @throws Exception cancelled. Cancellation:
  /// terminal.
  asio::awaitable<bool> wait_until(std::chrono::steady_clock::time_point time) {
    if (woken_) co_return true;
    timer_.expires_at(time);
    auto waiting = timer_.async_wait(asio::as_tuple(asio::deferred));
    const auto [failure] = co_await std::move(waiting);
    if (!woken_ && failure) throw_error(ErrorKind::cancelled, "cancelled while waiting");
    co_return woken_;
  }

 private:
  asio::steady_timer timer_;
  bool woken_ = false;
};

}  // namespace lllm
