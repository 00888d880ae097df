#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include "lllm/async/event.hpp"

namespace lllm {

/// A few threads for what would block an event loop: file reads, long parses. They start when there is work
/// and end when there has been none for a while, so a server that has loaded its packages is back to its own
/// threads.
///
/// Its queue holds one entry per suspended `run` and per `post`; who posts in bulk bounds itself.
class WorkerPool {
 public:
  explicit WorkerPool(std::size_t most_threads);
  /// Finishes what is queued.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// The process's own, at most 4 threads.
  static WorkerPool& shared();

  /// Runs `job` on one of the threads. It must not throw.
  void post(std::function<void()> job);

  /// Runs `function()` on one of the threads and resumes the caller's executor with its result, or throws
  /// what it threw. `function` is taken by value, so it may not refer to what dies with a cancelled caller.
  /// Cancellation: terminal; the caller is freed at once, the function runs to its end unseen.
  template <class Function, class R = std::invoke_result_t<Function&>>
  asio::awaitable<R> run(Function function);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;
  std::condition_variable ended_;
  bool stopping_ = false;
  const std::size_t most_threads_;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
};

template <class Function, class R>
asio::awaitable<R> WorkerPool::run(Function function) {
  struct Job {
    explicit Job(Function f) : function(std::move(f)) {}
    Function function;
    std::optional<R> result;
    std::exception_ptr failure;
    Event done;
  };
  const auto job = std::make_shared<Job>(std::move(function));
  post([job] {
    try {
      job->result.emplace(job->function());
    } catch (...) {
      job->failure = std::current_exception();
    }
    job->done.open();
  });
  co_await job->done.wait();
  if (job->failure) std::rethrow_exception(job->failure);
  co_return std::move(*job->result);
}

}  // namespace lllm
