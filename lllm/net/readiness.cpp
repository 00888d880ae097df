#include "lllm/net/readiness.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <new>
#include <utility>

#include <boost/asio/error.hpp>

#include "lllm/net/last_error.hpp"

namespace lllm {
namespace {

bool concerns(SocketEvent wanted, SocketEvent what) {
  return (static_cast<unsigned>(wanted) & static_cast<unsigned>(what)) != 0;
}

}  // namespace

// --- one socket -------------------------------------------------------------------------------------------

SocketWatch::~SocketWatch() {
  stop();
}

boost::system::error_code SocketWatch::start(int socket) {
  socket_ = socket;
  const auto failure = readiness_->follow(*this);
  if (failure) socket_ = -1;
  return failure;
}

void SocketWatch::stop() noexcept {
  // Said to the kernel, too: a child process that has not got round to closing its copy of the socket would
  // keep the events coming.
  if (socket_ >= 0) ::epoll_ctl(readiness_->epoll_.native_handle(), EPOLL_CTL_DEL, socket_, nullptr);
  socket_ = -1;
  abort_wait(asio::error::operation_aborted);
}

void SocketWatch::enlist(SocketEvent what, std::unique_ptr<ReadinessWaiter> waiter) {
  readiness_->arm();
  wanted_ = what;
  waiter_ = std::move(waiter);
  readiness_->waiting_.push_back(*this);
}

void SocketWatch::abort_wait(boost::system::error_code why) noexcept {
  if (!waiter_) return;
  waiter_->result = why;
  waiting_hook_.unlink();
  if (ready_hook_.is_linked()) ready_hook_.unlink();
  readiness_->abort(std::move(waiter_));
}

// --- all of them ------------------------------------------------------------------------------------------

// What Asio holds while it waits for our epoll. A context that is destroyed destroys it unasked: then nobody
// is waited for any more, and those who wait go with it, as they do from Asio's own sockets.
class Readiness::Wake {
 public:
  explicit Wake(std::weak_ptr<Readiness> readiness) : readiness_(std::move(readiness)) {}
  ~Wake() {
    if (const auto readiness = readiness_.lock()) readiness->abandon();
  }
  Wake(Wake&&) noexcept = default;
  Wake& operator=(Wake&&) = delete;

  void operator()(const boost::system::error_code&) {
    if (const auto readiness = std::exchange(readiness_, {}).lock()) readiness->woken();
  }

 private:
  std::weak_ptr<Readiness> readiness_;
};

boost::system::error_code Readiness::follow(SocketWatch& watch) {
  if (!epoll_.is_open()) {
    const int made = ::epoll_create1(EPOLL_CLOEXEC);
    if (made < 0) return last_error();
    boost::system::error_code failure;
    epoll_.assign(made, failure);
    if (failure) {
      ::close(made);
      return failure;
    }
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watch;
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, watch.socket_, &event) != 0) return last_error();
  return {};
}

void Readiness::arm() {
  if (armed_ || delivering_) return;
  epoll_.async_wait(asio::posix::stream_descriptor::wait_read, Wake(weak_from_this()));
  armed_ = true;
}

void Readiness::woken() {
  armed_ = false;
  harvest();
  std::exception_ptr failure = deliver();
  while (!armed_ && !waiting_.empty()) {
    try {
      arm();
    } catch (const std::bad_alloc&) {  // those who wait are told, instead of waiting for ever
      while (!waiting_.empty()) waiting_.front().abort_wait(asio::error::no_memory);
      if (const auto another = deliver(); !failure) failure = another;
    }
  }
  if (failure) std::rethrow_exception(failure);
}

// Takes what the kernel has to tell, and runs nothing: a handler may destroy any watch.
void Readiness::harvest() {
  std::array<epoll_event, 16> events;  // NOLINT(*-member-init): the kernel fills it
  int count = 0;
  do {
    count = ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  } while (count < 0 && errno == EINTR);
  for (int i = 0; i < count; ++i) {
    const auto flags = events[static_cast<std::size_t>(i)].events;
    SocketWatch& watch = *static_cast<SocketWatch*>(events[static_cast<std::size_t>(i)].data.ptr);
    const bool broken = (flags & (EPOLLHUP | EPOLLERR)) != 0;
    if (broken || (flags & EPOLLRDHUP) != 0) watch.hung_up_ = true;
    const bool input = watch.hung_up_ || (flags & EPOLLIN) != 0;
    const bool output = broken || (flags & EPOLLOUT) != 0;
    if (input) watch.may_read_ = true;
    const bool wanted = (input && concerns(watch.wanted_, SocketEvent::input)) ||
                        (output && concerns(watch.wanted_, SocketEvent::output));
    if (watch.waiter_ && wanted && !watch.ready_hook_.is_linked()) ready_.push_back(watch);
  }
}

void Readiness::deliver_next() {
  std::unique_ptr<ReadinessWaiter> waiter;
  if (!aborted_.empty()) {
    waiter = aborted_.pop();
  } else if (!ready_.empty()) {
    SocketWatch& watch = ready_.front();
    watch.ready_hook_.unlink();
    watch.waiting_hook_.unlink();
    waiter = std::move(watch.waiter_);
  } else {
    ending_ = true;
    waiter = later_.pop();
  }
  ReadinessWaiter& told = *waiter;
  told.complete(std::move(waiter), executor_);
}

// One handler that throws (Asio, out of memory) must not cost the others their event: the first failure is
// handed back when all have been told.
std::exception_ptr Readiness::deliver() {
  std::exception_ptr failure;
  delivering_ = true;
  while (!aborted_.empty() || !ready_.empty() || !later_.empty()) {
    try {
      deliver_next();
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
  }
  delivering_ = ending_ = false;
  return failure;
}

void Readiness::abandon() noexcept {
  armed_ = false;
  while (!aborted_.empty() || !waiting_.empty()) {
    if (!aborted_.empty()) {
      aborted_.pop();
      continue;
    }
    SocketWatch& watch = waiting_.front();
    watch.waiting_hook_.unlink();
    const auto waiter = std::move(watch.waiter_);
  }
}

void Readiness::abort(std::unique_ptr<ReadinessWaiter> waiter) noexcept {
  aborted_.push(std::move(waiter));
  boost::system::error_code ignored;
  if (armed_) epoll_.cancel(ignored);
}

}  // namespace lllm
