#include "lllm/net/connect.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/base/error.hpp"

namespace lllm {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr auto attempt_delay = std::chrono::milliseconds(250);

bool is_exhaustion(const error_code& failure) {
  return failure == asio::error::no_descriptors ||
         failure == boost::system::errc::too_many_files_open_in_system || failure == asio::error::no_memory ||
         failure == asio::error::no_buffer_space;
}

/// A connection whose peer has vanished without a word shall not wait for ever, even where no timeout is set.
void set_keepalive(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int idle_seconds = 60;
  const int interval_seconds = 15;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds,
               sizeof interval_seconds);
}

/// The attempts under way. Handlers hold it weakly: it ends with the coroutine that waits.
class Race : public std::enable_shared_from_this<Race> {
 public:
  Race(const asio::any_io_executor& executor, Addresses addresses, std::uint16_t port,
       std::chrono::steady_clock::time_point give_up)
      : executor_(executor),
        addresses_(std::move(addresses)),
        port_(port),
        sockets_(addresses_.size()),
        done(executor, give_up),
        next_(executor) {}

  void start_next() {
    if (winner || started_ == addresses_.size()) return;
    try {
      begin(started_++);
    } catch (const std::bad_alloc&) {  // we are called by the loop, which must not see it
      lost(asio::error::no_memory);
    }
  }

 private:
  void begin(std::size_t index) {
    const auto& address = addresses_[index];
    auto& socket = sockets_[index] = std::make_unique<tcp::socket>(executor_);
    error_code failure;
    socket->open(address.is_v4() ? tcp::v4() : tcp::v6(), failure);
    if (failure) return lost(failure);
    if (started_ < addresses_.size()) {
      next_.expires_after(attempt_delay);
      next_.async_wait([weak = weak_from_this()](error_code stopped) {
        if (stopped) return;
        if (const auto self = weak.lock()) self->start_next();
      });
    }
    socket->async_connect({address, port_}, [weak = weak_from_this(), index](error_code result) {
      const auto self = weak.lock();
      if (!self || self->winner) return;
      if (result) return self->lost(result);
      self->winner = std::move(self->sockets_[index]);
      self->done.cancel();
    });
  }

  void lost(const error_code& failure) {
    // The first reason is the most telling, except that running out of descriptors is ours and outranks it.
    if (!reason || is_exhaustion(failure)) reason = failure;
    if (++failed_ == addresses_.size()) {
      all_failed = true;
      done.cancel();
      return;
    }
    next_.cancel();
    start_next();
  }

  asio::any_io_executor executor_;
  Addresses addresses_;
  std::uint16_t port_;
  std::vector<std::unique_ptr<tcp::socket>> sockets_;
  std::size_t started_ = 0;
  std::size_t failed_ = 0;

 public:
  asio::steady_timer done;  // cancelled when there is a winner, or none is left
  std::unique_ptr<tcp::socket> winner;
  error_code reason;
  bool all_failed = false;

 private:
  asio::steady_timer next_;
};

}  // namespace

Addresses interleave_families(const Addresses& addresses) {
  Addresses first;
  Addresses second;
  for (const auto& address : addresses)
    (address.is_v4() == addresses.front().is_v4() ? first : second).push_back(address);
  Addresses mixed;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  return mixed;
}

asio::awaitable<tcp::socket> connect_any(asio::any_io_executor executor, Addresses addresses,
                                         std::uint16_t port, std::chrono::steady_clock::time_point give_up,
                                         std::string peer, std::stop_token stop) {
  const auto began = std::chrono::steady_clock::now();
  const auto race = std::make_shared<Race>(executor, interleave_families(addresses), port, give_up);
  const std::stop_callback on_stop(stop, [&race] { race->done.cancel(); });
  race->start_next();
  if (stop.stop_requested()) throw_error(ErrorKind::cancelled, "the call was cancelled");
  if (!race->all_failed) {
    auto wait = race->done.async_wait(asio::as_tuple(asio::deferred));
    const auto [stopped] = co_await std::move(wait);
    if (stopped && !race->winner && !race->all_failed)
      throw_error(ErrorKind::cancelled, "the call was cancelled");
  }
  if (race->winner) {
    set_keepalive(*race->winner);
    co_return std::move(*race->winner);
  }
  if (race->all_failed && is_exhaustion(race->reason))
    throw_error(Error(ErrorKind::resource_exhausted, "no socket for " + peer + ": " + race->reason.message())
                    .code(race->reason));
  if (race->all_failed)
    throw_error(
        Error(ErrorKind::connect_failed, "connecting to " + peer + " failed: " + race->reason.message())
            .code(race->reason));
  const auto waited =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  throw_error(ErrorKind::connect_timeout,
              "connecting to " + peer + ": no answer within " + std::to_string(waited.count()) + " ms");
}

}  // namespace lllm
