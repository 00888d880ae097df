#pragma once

#include <chrono>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

namespace lllm::test {

namespace asio = boost::asio;

/// Holds whoever comes until it is opened, or until so many have come; for a minute at most.
class Gate {
 public:
  explicit Gate(const asio::any_io_executor& executor, int opens_at = -1)
      : shut_(executor, std::chrono::minutes(1)), opens_at_(opens_at) {}
  asio::awaitable<void> pass() {
    if (++arrived_ == opens_at_) open();
    if (open_) co_return;
    auto wait = shut_.async_wait(asio::as_tuple(asio::deferred));
    co_await std::move(wait);
  }
  void open() {
    open_ = true;
    shut_.cancel();
  }
  /// How many have come so far.
  [[nodiscard]] int arrived() const { return arrived_; }

 private:
  asio::steady_timer shut_;
  int opens_at_;
  bool open_ = false;
  int arrived_ = 0;
};

}  // namespace lllm::test
