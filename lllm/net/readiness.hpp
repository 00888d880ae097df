#pragma once

#include <exception>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/error_code.hpp>

namespace lllm {

namespace asio = boost::asio;

class Readiness;

/// Who waits for a socket, or for the end of a turn. An object of its own: it may have to be told that the
/// socket is gone.
struct ReadinessWaiter {
  ReadinessWaiter() = default;
  virtual ~ReadinessWaiter() = default;
  ReadinessWaiter(const ReadinessWaiter&) = delete;
  ReadinessWaiter& operator=(const ReadinessWaiter&) = delete;
  /// Gives up its own memory first. `here` is the executor that runs this.
  virtual void complete(std::unique_ptr<ReadinessWaiter> self, const asio::any_io_executor& here) = 0;
  boost::system::error_code result;
  ReadinessWaiter* next = nullptr;
};

template <class Handler>
struct ReadinessWaiterFor final : ReadinessWaiter {
  explicit ReadinessWaiterFor(Handler&& given) : handler(std::move(given)) {}
  void complete(std::unique_ptr<ReadinessWaiter> self, const asio::any_io_executor& here) override {
    Handler mine = std::move(handler);
    const auto outcome = result;
    self.reset();
    const auto where = asio::get_associated_executor(mine, here);
    if (where == here) return std::move(mine)(outcome);
    asio::dispatch(where, [mine = std::move(mine), outcome]() mutable { std::move(mine)(outcome); });
  }
  Handler handler;
};

/// Waiters in line, owned.
class ReadinessLine {
 public:
  ReadinessLine() = default;
  ~ReadinessLine() {
    while (!empty()) pop();
  }
  ReadinessLine(const ReadinessLine&) = delete;
  ReadinessLine& operator=(const ReadinessLine&) = delete;
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  void push(std::unique_ptr<ReadinessWaiter> waiter) noexcept {
    ReadinessWaiter* const added = waiter.release();
    added->next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = added;
    last_ = added;
  }
  std::unique_ptr<ReadinessWaiter> pop() noexcept {
    std::unique_ptr<ReadinessWaiter> taken(first_);
    first_ = taken->next;
    return taken;
  }

 private:
  ReadinessWaiter* first_ = nullptr;
  ReadinessWaiter* last_ = nullptr;
};

/// What a coroutine waits for at a socket.
enum class SocketEvent : unsigned char { input = 1, output = 2, either = 3 };

/// A socket whose readiness is followed: what it is ready for is known without asking the kernel. Confined to
/// the executor of its Readiness.
class SocketWatch {
 public:
  explicit SocketWatch(std::shared_ptr<Readiness> readiness) : readiness_(std::move(readiness)) {}
  ~SocketWatch();
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  /// @param socket  non-blocking; must be stopped being watched before it is closed.
  /// Gives the kernel's reason when it has no room for it; then it is not watched.
  [[nodiscard]] boost::system::error_code start(int socket);
  /// Whoever waits is told `operation_aborted`, later. Idempotent.
  void stop() noexcept;

  /// Ends a wait, if there is one: it is told `operation_aborted`, later.
  void interrupt() noexcept { abort_wait(asio::error::operation_aborted); }

  /// Whether reading may bring something: bytes, the end, an error. False: nothing has come, or not been told
  /// yet.
  [[nodiscard]] bool may_read() const { return may_read_; }
  /// Reading has brought all there was. Where the peer has hung up there is always more: the end.
  void nothing_left() { may_read_ = hung_up_; }

  /// Waits for input when may_read() is false, for output when the socket has just refused some. One wait at
  /// a time. Completion: void(error_code): operation_aborted when stopped or cancelled, not_enough_memory.
  template <class Token>
  auto wait(SocketEvent what, Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code)>(
        [this, what](auto handler) { this->begin(what, std::move(handler)); }, token);
  }

 private:
  friend class Readiness;
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  template <class Handler>
  void begin(SocketEvent what, Handler handler);
  void enlist(SocketEvent what, std::unique_ptr<ReadinessWaiter> waiter);
  void abort_wait(boost::system::error_code why) noexcept;

  std::shared_ptr<Readiness> readiness_;
  std::unique_ptr<ReadinessWaiter> waiter_;
  Hook waiting_hook_;
  Hook ready_hook_;
  int socket_ = -1;
  SocketEvent wanted_ = SocketEvent::either;
  bool may_read_ = false;
  bool hung_up_ = false;
};

/// The readiness of all sockets of one client or server, from one epoll of their own (edge-triggered), which
/// Asio waits for like for any descriptor. Asio's own sockets try to read before they wait, and again behind
/// all that they read: with this, an exchange over a kept connection is one send and one receive, and the
/// kernel is asked for events once for all that have any.
///
/// Holds the executor's context running only while somebody waits. Confined to its executor.
class Readiness : public std::enable_shared_from_this<Readiness> {
 public:
  explicit Readiness(const asio::any_io_executor& executor) : executor_(executor), epoll_(executor) {}
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  /// Whether a turn is under way: those whose sockets have something are told of it, one after the other.
  [[nodiscard]] bool in_turn() const { return delivering_ && !ending_; }
  /// Waits until all of them have been, in a turn. Completion: void(error_code); never cancelled.
  template <class Token>
  auto end_of_turn(Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code)>(
        [this]<class Handler>(Handler handler) {
          this->later_.push(std::make_unique<ReadinessWaiterFor<Handler>>(std::move(handler)));
        },
        token);
  }

 private:
  friend class SocketWatch;
  class Wake;
  using Waiting = boost::intrusive::list<
      SocketWatch, boost::intrusive::member_hook<SocketWatch, SocketWatch::Hook, &SocketWatch::waiting_hook_>,
      boost::intrusive::constant_time_size<false>>;
  using Ready = boost::intrusive::list<
      SocketWatch, boost::intrusive::member_hook<SocketWatch, SocketWatch::Hook, &SocketWatch::ready_hook_>,
      boost::intrusive::constant_time_size<false>>;

  boost::system::error_code follow(SocketWatch& watch);
  void arm();
  void woken();
  void harvest();
  std::exception_ptr deliver();
  void deliver_next();
  void abandon() noexcept;
  void abort(std::unique_ptr<ReadinessWaiter> waiter) noexcept;

  asio::any_io_executor executor_;
  asio::posix::stream_descriptor epoll_;
  Waiting waiting_;
  Ready ready_;
  ReadinessLine aborted_;  // to be told so in the next turn
  ReadinessLine later_;    // who waits for the end of this turn
  bool armed_ = false;
  bool delivering_ = false;
  bool ending_ = false;  // the turn's last part: who begins to wait for its end now would keep it from ending
};

template <class Handler>
void SocketWatch::begin(SocketEvent what, Handler handler) {
  if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
    slot.assign([this](asio::cancellation_type type) {
      if (type != asio::cancellation_type::none) abort_wait(asio::error::operation_aborted);
    });
  enlist(what, std::make_unique<ReadinessWaiterFor<Handler>>(std::move(handler)));
}

}  // namespace lllm
