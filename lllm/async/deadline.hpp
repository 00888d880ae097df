#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/async/spawned.hpp"
#include "lllm/base/error.hpp"

namespace lllm {

namespace asio = boost::asio;

namespace detail {

template <class T>
struct DeadlineOutcome {
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value;
  std::exception_ptr failure;
};

// Never throws, so that it may end before it has suspended once, also where it was cancelled: see
// gather_worker. The outcome is the waiter's, which waits for this whatever happens.
template <class T>
asio::awaitable<void> settle(asio::awaitable<T> operation, DeadlineOutcome<T>& outcome) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(operation);
      outcome.value.emplace();
    } else {
      outcome.value.emplace(co_await std::move(operation));
    }
  } catch (...) {
    outcome.failure = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
}

}  // namespace detail

/// Runs the operation until the deadline, then cancels it (terminal), waits for it to end, and throws
/// `deadline_exceeded` with `message`. What the operation throws by itself surfaces at once; a result that it
/// brings all the same is kept. For operations that do not know of deadlines; costs one timer and one
/// coroutine.
/// Cancellation: passed on to the operation.
template <class T>
asio::awaitable<T> with_deadline(asio::awaitable<T> operation, std::chrono::steady_clock::time_point deadline,
                                 std::string message) {
  const auto executor = co_await asio::this_coro::executor;
  detail::DeadlineOutcome<T> outcome;
  asio::steady_timer timer(executor, deadline);
  auto group = asio::experimental::make_parallel_group(
      Spawned(executor, detail::settle(std::move(operation), outcome)), timer.async_wait(asio::deferred));
  const auto [order, thrown, stopped] =
      co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (outcome.value) {
    if constexpr (std::is_void_v<T>)
      co_return;
    else
      co_return std::move(*outcome.value);
  }
  const std::exception_ptr failure = outcome.failure ? outcome.failure : thrown;
  const bool ran_out = order[0] == 1 && !stopped;
  if (ran_out && (!failure || error_from(failure).kind() == ErrorKind::cancelled))
    throw_error(ErrorKind::deadline_exceeded, std::move(message));
  if (!failure) throw_error(ErrorKind::cancelled, "the operation was cancelled");
  std::rethrow_exception(failure);
}

}  // namespace lllm
