#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/async/spawned.hpp"

namespace lllm {

namespace asio = boost::asio;

namespace detail {

template <class T>
struct GatherState {
  std::vector<asio::awaitable<T>> operations;
  std::vector<std::optional<T>> results;
  std::size_t next = 0;
};

// Takes the next operation until none is left. `state` outlives every worker: gather() waits for them.
template <class T>
asio::awaitable<void> gather_worker(GatherState<T>& state) {
  std::exception_ptr failure;
  try {
    while (state.next < state.operations.size()) {
      const std::size_t mine = state.next++;
      state.results[mine].emplace(co_await std::move(state.operations[mine]));
    }
  } catch (...) {
    failure = std::current_exception();
  }
  // A worker that ends before it has suspended once is posted by co_spawn, with a co_await that throws where
  // the worker was cancelled: past its handler and out of io_context::run(). So it is told not to throw any
  // more.
  co_await asio::this_coro::throw_if_cancelled(false);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail

/// Runs the operations side by side, at most `limit` at once, and gives their results in the order of the
/// operations. The first failure cancels the others, waits for them, and is rethrown.
/// Cancellation: all are cancelled and waited for. The operations run on the caller's executor.
template <class T>
asio::awaitable<std::vector<T>> gather(std::vector<asio::awaitable<T>> operations, std::size_t limit) {
  detail::GatherState<T> state;
  state.operations = std::move(operations);
  state.results.resize(state.operations.size());

  const auto executor = co_await asio::this_coro::executor;
  const std::size_t count = std::min(std::max<std::size_t>(1, limit), state.operations.size());
  std::vector<Spawned> workers;
  for (std::size_t i = 0; i < count; ++i) workers.emplace_back(executor, detail::gather_worker(state));
  if (!workers.empty()) {
    auto group = asio::experimental::make_parallel_group(std::move(workers));
    auto [order, failures] =
        co_await group.async_wait(asio::experimental::wait_for_one_error(), asio::use_awaitable);
    // The failure that came first is the cause; those after it are the others' cancellations.
    for (const std::size_t index : order)
      if (failures[index]) std::rethrow_exception(failures[index]);
  }

  std::vector<T> results;
  results.reserve(state.results.size());
  for (auto& result : state.results) results.push_back(std::move(*result));
  co_return results;
}

}  // namespace lllm
