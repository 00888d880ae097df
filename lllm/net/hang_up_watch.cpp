#include "lllm/net/hang_up_watch.hpp"

#include <new>
#include <utility>

#include <boost/system/error_code.hpp>

namespace lllm {
namespace {

/// What is answered within this time is not watched: looking costs a system call.
constexpr auto patience = std::chrono::milliseconds(20);

}  // namespace

HangUpWatch::HangUpWatch(std::shared_ptr<DeadlineQueue> queue, Connection& connection,
                         std::function<void()> gone)
    : Deadline(std::move(queue)), connection_(connection), gone_(std::move(gone)) {}

void HangUpWatch::begin() {
  // A peer that has sent its next request already is there.
  if (!connection_.data().empty()) return;
  ++turn_;
  watching_ = true;
  look_later();
}

void HangUpWatch::end() {
  watching_ = false;
  expires_at(never);
  if (std::exchange(waiting_, false)) connection_.end_watch_input();
}

void HangUpWatch::look_later() {
  expires_at(std::chrono::steady_clock::now() + patience);
}

void HangUpWatch::look() {
  if (!watching_ || !connection_.is_open()) return;
  if (connection_.is_waiting()) return look_later();  // a write: it notices a reset by itself
  if (!connection_.must_wait()) return readable();
  try {
    connection_.watch_input([weak = weak_from_this(), turn = turn_](boost::system::error_code failure) {
      const auto self = weak.lock();
      if (!self || !self->watching_ || self->turn_ != turn) return;
      self->waiting_ = false;
      if (failure) return self->look_later();  // a write was in the way
      self->readable();
    });
    waiting_ = true;
  } catch (const std::bad_alloc&) {  // the loop, which calls us, must not see it
    look_later();
  }
}

void HangUpWatch::readable() {
  bool gone = false;
  try {
    connection_.receive();
    gone = connection_.ended();
  } catch (const std::exception&) {
    gone = true;
  }
  if (gone) {
    watching_ = false;
    connection_.close(ErrorKind::connection_lost);
    gone_();
    return;
  }
  if (!connection_.data().empty()) return;  // its next request, come early: that waits for its turn
  connection_.release();                    // TLS had something of its own to say
  look();
}

}  // namespace lllm
