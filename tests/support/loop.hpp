#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "lllm/base/error.hpp"

namespace lllm::test {

namespace asio = boost::asio;

/// Runs `loop` until `work` is done and gives its outcome; fails when that takes longer than `limit` (a
/// hang).
template <class T>
T run_on(asio::io_context& loop, asio::awaitable<T> work,
         std::chrono::seconds limit = std::chrono::seconds(30)) {
  bool done = false;
  std::exception_ptr failure;
  const auto end = std::chrono::steady_clock::now() + limit;
  const auto run_until_done = [&] {
    loop.restart();
    while (!done && std::chrono::steady_clock::now() < end && loop.run_one_until(end) > 0) {
    }
    if (!done) throw std::runtime_error("the work did not end: the loop ran dry or out of time");
    if (failure) std::rethrow_exception(failure);
  };
  if constexpr (std::is_void_v<T>) {
    asio::co_spawn(loop, std::move(work), [&](const std::exception_ptr& thrown) {
      failure = thrown;
      done = true;
    });
    run_until_done();
  } else {
    std::optional<T> value;
    asio::co_spawn(loop, std::move(work), [&](const std::exception_ptr& thrown, T result) {
      failure = thrown;
      if (!thrown) value.emplace(std::move(result));
      done = true;
    });
    run_until_done();
    return std::move(*value);
  }
}

/// The same on a loop of its own.
template <class T>
T run_to_end(asio::awaitable<T> work) {
  asio::io_context loop(1);
  return run_on(loop, std::move(work), std::chrono::minutes(5));
}

/// Runs `loop` until `done` comes true; false when that takes longer than `limit`.
inline bool run_until(asio::io_context& loop, const std::function<bool()>& done,
                      std::chrono::seconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  loop.restart();
  while (!done() && std::chrono::steady_clock::now() < end) {
    loop.run_one_for(std::chrono::milliseconds(5));
    loop.restart();
  }
  return done();
}

/// The kind of Error that `work` throws; fails the test by an exception when it throws none.
template <class T>
Error error_on(asio::io_context& loop, asio::awaitable<T> work) {
  try {
    run_on(loop, std::move(work));
  } catch (const Exception& failure) {
    return failure.error();
  }
  throw std::runtime_error("it should have failed");
}

/// Runs what is ready, and what that makes ready, but waits for nothing; true when `done` came true by it. So
/// it measures promptness in turns of the loop, which no busy machine makes longer.
inline bool done_at_once(asio::io_context& loop, const std::function<bool()>& done) {
  loop.restart();
  while (!done() && loop.poll_one() > 0) {
  }
  return done();
}

/// Runs `loop` until ten milliseconds after `due`, by the clock that its timers go by, and then what is
/// ready; true when `done` came true without anything that waits for a later time.
inline bool done_by(asio::io_context& loop, std::chrono::steady_clock::time_point due,
                    const std::function<bool()>& done) {
  const auto end = due + std::chrono::milliseconds(10);
  loop.restart();
  while (!done() && std::chrono::steady_clock::now() < end && loop.run_one_until(end) > 0) {
  }
  return done_at_once(loop, done);
}

}  // namespace lllm::test
