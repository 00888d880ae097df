#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace lllm {

namespace asio = boost::asio;

/// A door between threads: coroutines wait before it, any thread opens it.
///
/// Thread-safety: `open`, `reset` and `is_open` from any thread; each waiter resumes on its own executor. The
/// Event must outlive its waiters (share it when threads are involved), the waiters' io_context need not
/// outlive the Event: a context that is destroyed takes its waiters with it.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// Returns at once when the door is open, else when it opens.
  /// @throws Exception `cancelled`. Cancellation: terminal; the others keep waiting.
  asio::awaitable<void> wait();
  /// Lets everyone through, now and from now on.
  void open();
  /// Closes it again for those who come later.
  void reset();
  [[nodiscard]] bool is_open() const;

 private:
  struct Waiter;

  mutable std::mutex mutex_;
  bool open_ = false;
  std::vector<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace lllm
