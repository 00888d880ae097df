#pragma once

#include <chrono>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace lllm::test {

/// Waits on the loop, for servers and sinks that are slow on purpose; never to make a race pass. A cancelled
/// wait throws.
inline boost::asio::awaitable<void> sleep_for(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  auto wait = timer.async_wait(boost::asio::use_awaitable);
  co_await std::move(wait);
}

}  // namespace lllm::test
