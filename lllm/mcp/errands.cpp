#include "lllm/mcp/errands.hpp"

#include <cstddef>
#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/this_coro.hpp>

#include "lllm/async/spawned.hpp"

namespace lllm {
namespace {

constexpr std::size_t most_errands = 16;

/// Ends without throwing, also where it was cancelled before it began.
asio::awaitable<void> quietly(asio::awaitable<void> job) {
  try {
    co_await std::move(job);
  } catch (const std::exception&) {
  }
  co_await asio::this_coro::throw_if_cancelled(false);
}

}  // namespace

void Errands::run(asio::awaitable<void> job) {
  // Not by the jobs themselves: the signal must not go while its coroutine is there.
  jobs_->remove_if([](const Job& done) { return done.over; });
  if (jobs_->size() >= most_errands) return;
  Job& begun = jobs_->emplace_back();
  try {
    Spawned work(executor_, quietly(std::move(job)));
    work(asio::bind_cancellation_slot(
        begun.signal.slot(), [jobs = jobs_, &begun](const std::exception_ptr&) { begun.over = true; }));
  } catch (const std::exception&) {  // no memory to begin it with
    begun.over = true;
  }
}

void Errands::stop() {
  for (auto& job : *jobs_)
    if (!job.over) job.signal.emit(asio::cancellation_type::terminal);
}

}  // namespace lllm
