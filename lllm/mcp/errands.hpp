#pragma once

#include <list>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace lllm {

namespace asio = boost::asio;

/// Small jobs that nobody waits for: telling a server that a call was given up. They end with their owner,
/// and there are never more than a few of them. Confined to one executor.
class Errands {
 public:
  explicit Errands(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  ~Errands() { stop(); }
  Errands(const Errands&) = delete;
  Errands& operator=(const Errands&) = delete;

  /// Begins a job; drops it where too many are under way. What it throws is nobody's concern.
  void run(asio::awaitable<void> job);
  /// Cancels all of them.
  void stop();

 private:
  struct Job {
    asio::cancellation_signal signal;
    bool over = false;
  };
  asio::any_io_executor executor_;
  std::shared_ptr<std::list<Job>> jobs_ = std::make_shared<std::list<Job>>();
};

}  // namespace lllm
