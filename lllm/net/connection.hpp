#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "lllm/base/error.hpp"
#include "lllm/net/buffer_pool.hpp"
#include "lllm/net/deadline_queue.hpp"
#include "lllm/net/tls.hpp"

namespace lllm {

/// What the connections of one client or server share. Confined to its executor.
struct ConnectionContext {
  explicit ConnectionContext(asio::any_io_executor where)
      : executor(std::move(where)), deadlines(std::make_shared<DeadlineQueue>(executor)) {}
  asio::any_io_executor executor;
  std::shared_ptr<DeadlineQueue> deadlines;
  BufferPool buffers;
};

/// A byte stream over TCP, plain or TLS, with one deadline. Confined to its executor.
///
/// Reading is in three steps, so that the caller's coroutine waits for the socket itself and no frame lies
/// between:
///
///     while (connection.data().empty() && !connection.ended()) {
///       auto received = connection.receive(asio::as_tuple(asio::deferred));
///       const auto [failure, size] = co_await std::move(received);
///       connection.absorb(failure, size);
///     }
///
/// The read buffer is borrowed when bytes arrive and given back when they are used: a waiting connection has
/// none.
class Connection final : private Deadline {
 public:
  using Socket = asio::ip::tcp::socket;

  /// @param peer  For messages: "api.openai.com:443".
  Connection(std::shared_ptr<ConnectionContext> context, Socket socket, std::string peer);
  ~Connection() override;

  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
  [[nodiscard]] bool resumed() const { return tls_ && tls_->resumed(); }

  // --- time ---------------------------------------------------------------------------------------------
  /// The whole call's deadline; it holds beside every other until changed.
  void call_deadline(Clock::time_point due);
  /// Whatever is waited for from now on may take `limit` (0: for ever), or fails with `kind`. Time that
  /// passes while nothing is waited for does not count.
  void allow(std::chrono::milliseconds limit, ErrorKind kind);
  /// No deadline holds from now on: the connection goes to rest.
  void rest();

  // --- opening --------------------------------------------------------------------------------------------
  /// @throws Exception tls_untrusted, tls_failed, connection_lost, and what the deadline says.
  asio::awaitable<void> start_tls(std::shared_ptr<TlsContext> context, std::string host);

  // --- writing --------------------------------------------------------------------------------------------
  /// Sends `first`, then `second`, as far as the socket takes them at once. `done` counts what went out, and
  /// says where to go on. True when all did. @throws Exception connection_lost.
  bool try_write(std::string_view first, std::string_view second, std::size_t& done);
  /// Sends all, waiting as needed. With `stop_on_input`, ends early (false) when bytes arrive meanwhile: an
  /// answer that came before the request was through.
  asio::awaitable<bool> write(std::string_view first, std::string_view second, std::size_t done = 0,
                              bool stop_on_input = false);

  // --- reading --------------------------------------------------------------------------------------------
  /// Bytes in hand. They may be changed in place; they live until the next receive, or until consumed.
  [[nodiscard]] std::string_view data() const { return {begin_, static_cast<std::size_t>(end_ - begin_)}; }
  [[nodiscard]] char* bytes() { return begin_; }
  void consume(std::size_t count) { begin_ += count; }
  /// The peer has finished sending; nothing more will come.
  [[nodiscard]] bool ended() const { return ended_; }
  /// Whether that end was a proper one: with TLS, one that the peer signed.
  [[nodiscard]] bool ended_cleanly() const { return ended_cleanly_; }
  /// Waits for bytes. All in hand must have been consumed. Completion: void(error_code, size_t), for
  /// absorb().
  template <class Token>
  auto receive(Token&& token) {
    release();
    return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler) {
          phase_ = Phase::starting;
          socket_.async_receive(LazyBuffer{this}, std::move(handler));
          phase_ = Phase::waiting;
        },
        token);
  }
  /// Takes what receive() brought: afterwards data() has bytes, or ended() is true, or neither (TLS needed
  /// them for itself). @throws Exception connection_lost, cancelled, and what the deadline says.
  void absorb(boost::system::error_code failure, std::size_t size);
  /// Takes what has arrived without waiting.
  void poll();

  // --- closing --------------------------------------------------------------------------------------------
  /// For a connection that waits to be used again: true when it was closed, or spoke unasked.
  [[nodiscard]] bool is_stale();
  /// Gives the read buffer back; bytes not consumed are lost.
  void release();
  /// Whatever is waiting fails with `why`. Idempotent; the first reason stays.
  void close(ErrorKind why = ErrorKind::cancelled);
  /// Sends a reset instead of an orderly end.
  void abort();
  /// Says that no more will be sent, and goes on reading.
  void half_close();
  [[nodiscard]] std::optional<ErrorKind> failure() const { return failure_; }

 private:
  enum class Phase { idle, starting, waiting, writing };
  /// A buffer sequence that becomes a real buffer when the socket is about to be read. Asio asks for it once
  /// at the start (to see that it is not empty), when it may also read at once: that goes to the small inline
  /// buffer, and the rest is fetched by absorb().
  struct LazyBuffer {
    using value_type = asio::mutable_buffer;
    using const_iterator = const asio::mutable_buffer*;
    Connection* connection;
    [[nodiscard]] const_iterator begin() const { return connection->lend(); }
    [[nodiscard]] const_iterator end() const { return &connection->lent_ + 1; }
  };
  const asio::mutable_buffer* lend();
  void on_deadline() override;
  void apply_deadline();
  void borrow();
  [[nodiscard]] char* raw_begin() const;
  [[nodiscard]] std::size_t raw_room() const;
  long recv_now(char* into, std::size_t room);
  void accept_raw(char* bytes, std::size_t size);
  void decrypt();
  bool send_plain(std::string_view first, std::string_view second, std::size_t& done);
  bool send_tls(std::string_view first, std::string_view second, std::size_t& done);
  asio::awaitable<void> wait_writable();
  [[nodiscard]] std::string waiting_for() const;
  [[nodiscard]] Error describe(ErrorKind kind) const;
  [[nodiscard]] Error describe(const boost::system::error_code& code, const char* what) const;
  void throw_if_failed() const;

  std::shared_ptr<ConnectionContext> context_;
  Socket socket_;
  std::unique_ptr<TlsStream> tls_;
  std::string peer_;

  Clock::time_point call_deadline_ = never;
  Clock::time_point step_deadline_ = never;
  ErrorKind step_kind_ = ErrorKind::idle_timeout;
  std::chrono::milliseconds step_limit_{0};
  std::optional<ErrorKind> failure_;

  BufferPool::Buffer buffer_;
  char* begin_ = nullptr;
  char* end_ = nullptr;
  asio::mutable_buffer lent_;
  Phase phase_ = Phase::idle;
  bool may_lend_late_;  // only when the thread that reads the socket is the one that runs our executor
  bool ended_ = false;
  bool ended_cleanly_ = false;
  char inline_[16];
};

}  // namespace lllm
