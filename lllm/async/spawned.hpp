#pragma once

#include <exception>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/base/error.hpp"

namespace lllm {

namespace asio = boost::asio;

namespace detail {

// Who waits for a spawned coroutine. The wait of the timer is begun beforehand, so that the waiter can be
// told without asking for memory when there is none.
template <class Handler>
struct SpawnWaiter : std::enable_shared_from_this<SpawnWaiter<Handler>> {
  SpawnWaiter(const asio::any_io_executor& executor, Handler told)
      : handler(std::move(told)), timer(executor, asio::steady_timer::time_point::max()) {}

  void begin() {
    timer.async_wait([self = this->shared_from_this()](boost::system::error_code) {
      if (!self->lost) return;
      std::move(self->handler)(std::make_exception_ptr(
          Exception(Error(ErrorKind::resource_exhausted, "no memory to go on with what was begun"))));
    });
  }

  Handler handler;
  asio::steady_timer timer;
  bool lost = false;
};

// The completion handler of the coroutine. Where Asio cannot allocate an operation that the coroutine waits
// for, it destroys the coroutine and this with it, uncalled: then the waiter is told so.
template <class Handler>
class SpawnTicket {
 public:
  using executor_type = asio::any_io_executor;
  using cancellation_slot_type = asio::associated_cancellation_slot_t<Handler>;

  explicit SpawnTicket(std::shared_ptr<SpawnWaiter<Handler>> waiter) : waiter_(std::move(waiter)) {}
  SpawnTicket(SpawnTicket&&) noexcept = default;
  SpawnTicket& operator=(SpawnTicket&&) = delete;
  ~SpawnTicket() {
    if (!waiter_) return;
    get_cancellation_slot().clear();  // it led into the coroutine
    waiter_->lost = true;
    waiter_->timer.cancel();
  }

  [[nodiscard]] executor_type get_executor() const noexcept { return waiter_->timer.get_executor(); }
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
    return asio::get_associated_cancellation_slot(waiter_->handler);
  }
  void operator()(std::exception_ptr failure) {
    const auto waiter = std::move(waiter_);
    waiter->timer.cancel();
    std::move(waiter->handler)(std::move(failure));
  }

 private:
  std::shared_ptr<SpawnWaiter<Handler>> waiter_;
};

}  // namespace detail

/// A coroutine to be spawned, as an operation of a parallel group: what asio::co_spawn(executor, work,
/// deferred) is, but it completes in any case, with `resource_exhausted` where there was no memory to go on.
/// And it has an executor: of a range of operations without, Asio completes each on the system's executor,
/// which ends the process when the waiter, resumed there, throws.
class Spawned {
 public:
  using executor_type = asio::any_io_executor;

  Spawned(asio::any_io_executor executor, asio::awaitable<void> work)
      : executor_(std::move(executor)), work_(std::move(work)) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
  template <class Token>
  auto operator()(Token&& token) {
    return asio::async_initiate<Token, void(std::exception_ptr)>(
        [](auto handler, asio::any_io_executor executor, asio::awaitable<void> work) {
          using Handler = decltype(handler);
          auto waiter = std::make_shared<detail::SpawnWaiter<Handler>>(executor, std::move(handler));
          waiter->begin();
          asio::co_spawn(executor, std::move(work), detail::SpawnTicket<Handler>(std::move(waiter)));
        },
        token, executor_, std::move(work_));
  }

 private:
  asio::any_io_executor executor_;
  asio::awaitable<void> work_;
};

}  // namespace lllm
