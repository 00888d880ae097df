#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace lllm {

namespace asio = boost::asio;

class DeadlineQueue;

/// Something that must be told when its time is up: one per connection, not one timer per read.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr Clock::time_point never = Clock::time_point::max();

  explicit Deadline(std::shared_ptr<DeadlineQueue> queue) : queue_(std::move(queue)) {}
  virtual ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  /// Moves the deadline; `never` takes it away. Cheap: moving it later touches nothing but this object.
  void expires_at(Clock::time_point due);
  [[nodiscard]] Clock::time_point expiry() const { return due_; }

 protected:
  /// Called once, on the executor, when the deadline has passed. May destroy this object.
  virtual void on_deadline() = 0;

 private:
  friend class DeadlineQueue;
  static constexpr std::size_t not_queued = static_cast<std::size_t>(-1);
  std::shared_ptr<DeadlineQueue> queue_;
  Clock::time_point due_ = never;
  Clock::time_point queued_ = never;  // where it stands in the heap: at or before due_
  std::size_t index_ = not_queued;
};

/// All deadlines of one client or server, behind one timer. Confined to its executor. It holds the executor's
/// context running only while a deadline is set.
class DeadlineQueue : public std::enable_shared_from_this<DeadlineQueue> {
 public:
  explicit DeadlineQueue(const asio::any_io_executor& executor) : timer_(executor) {}
  DeadlineQueue(const DeadlineQueue&) = delete;
  DeadlineQueue& operator=(const DeadlineQueue&) = delete;

 private:
  friend class Deadline;
  using Clock = Deadline::Clock;
  void update(Deadline& entry, Clock::time_point due);
  void remove(Deadline& entry);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);
  void place(std::size_t index, Deadline* entry);
  void arm();
  void fire();
  void rest_if_unused();
  void rest();

  std::vector<Deadline*> heap_;
  asio::steady_timer timer_;
  Clock::time_point armed_ = Deadline::never;
  std::size_t active_ = 0;  // entries whose deadline is set
  bool rest_posted_ = false;
};

}  // namespace lllm
