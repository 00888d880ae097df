#include "lllm/async/event.hpp"

#include <algorithm>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/base/error.hpp"

namespace lllm {

// A timer that never expires is what a waiter sleeps on: its io_context owns the wait and so can be destroyed
// under it. The mutex orders starting the wait, ending it and the coroutine's own death.
struct Event::Waiter {
  std::mutex mutex;
  asio::steady_timer* timer = nullptr;  // null once the coroutine is gone
  bool opened = false;

  void open() {
    const std::lock_guard lock(mutex);
    opened = true;
    if (timer != nullptr) timer->cancel();
  }
};

asio::awaitable<void> Event::wait() {
  const auto executor = co_await asio::this_coro::executor;
  const auto waiter = std::make_shared<Waiter>();
  asio::steady_timer timer(executor, asio::steady_timer::time_point::max());
  waiter->timer = &timer;
  struct Leave {
    Waiter& waiter;
    ~Leave() {
      const std::lock_guard lock(waiter.mutex);
      waiter.timer = nullptr;
    }
  } const leave{*waiter};
  {
    const std::lock_guard lock(mutex_);
    if (open_) co_return;
    waiters_.push_back(waiter);
  }
  const auto initiate = [&waiter = *waiter, &timer](auto handler) {
    const std::lock_guard lock(waiter.mutex);
    if (waiter.opened) timer.expires_at(asio::steady_timer::time_point::min());
    timer.async_wait(std::move(handler));
  };
  try {
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(boost::system::error_code)>(
        initiate, asio::use_awaitable);
  } catch (const boost::system::system_error&) {
    bool opened = false;
    {
      const std::lock_guard lock(waiter->mutex);
      opened = waiter->opened;
    }
    if (opened) co_return;
    {
      const std::lock_guard lock(mutex_);
      std::erase(waiters_, waiter);
    }
    throw_error(ErrorKind::cancelled, "cancelled while waiting");
  }
}

void Event::open() {
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    const std::lock_guard lock(mutex_);
    open_ = true;
    waiters.swap(waiters_);
  }
  for (const auto& waiter : waiters) waiter->open();
}

void Event::reset() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

bool Event::is_open() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

}  // namespace lllm
