#include "lllm/async/worker_pool.hpp"

#include <chrono>
#include <thread>

namespace lllm {
namespace {

constexpr std::chrono::milliseconds idle_life{500};

}  // namespace

WorkerPool::WorkerPool(std::size_t most_threads) : most_threads_(most_threads) {}

WorkerPool::~WorkerPool() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  ready_.notify_all();
  ended_.wait(lock, [this] { return threads_ == 0; });
}

WorkerPool& WorkerPool::shared() {
  // Leaked on purpose: static objects destroyed after it may still read files.
  static WorkerPool& pool = *new WorkerPool(4);
  return pool;
}

void WorkerPool::post(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(job));
  if (idle_ < queue_.size() && threads_ < most_threads_) {
    // Detached in name only: the destructor waits until each has counted itself out.
    try {
      std::thread([this] { work(); }).detach();
      ++threads_;
    } catch (...) {         // no thread, or no memory for one
      if (threads_ == 0) {  // else those that run will do
        queue_.pop_back();
        throw;
      }
    }
  }
  ready_.notify_one();
}

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    const bool woken = ready_.wait_for(lock, idle_life, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (!woken || queue_.empty()) break;
    auto job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // what it holds is destroyed outside the lock
    lock.lock();
  }
  --threads_;
  // Under the lock: the pool may be gone as soon as the destructor sees the count.
  ended_.notify_all();
}

}  // namespace lllm
