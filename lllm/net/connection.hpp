#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "lllm/base/error.hpp"
#include "lllm/net/buffer_pool.hpp"
#include "lllm/net/deadline_queue.hpp"
#include "lllm/net/readiness.hpp"
#include "lllm/net/tls.hpp"

namespace lllm {

/// What the connections of one client or server share. Confined to its executor.
struct ConnectionContext {
  explicit ConnectionContext(asio::any_io_executor where)
      : executor(std::move(where)),
        deadlines(std::make_shared<DeadlineQueue>(executor)),
        readiness(std::make_shared<Readiness>(executor)) {}
  asio::any_io_executor executor;
  std::shared_ptr<DeadlineQueue> deadlines;
  std::shared_ptr<Readiness> readiness;
  BufferPool buffers;
};

/// A byte stream over TCP, plain or TLS, with one deadline. Confined to its executor.
///
/// Reading is in two steps, so that the caller's coroutine waits for the socket itself and no frame lies
/// between:
///
///     while (connection.data().empty() && !connection.ended()) {
///       if (connection.must_wait()) {
///         auto arrival = connection.arrival(asio::as_tuple(asio::deferred));
///         const auto [failure] = co_await std::move(arrival);
///         connection.arrived(failure);
///       }
///       connection.receive();
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
  [[nodiscard]] bool is_open() const { return socket_ >= 0; }
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
  /// Whether nothing is known to have come: then it is to be waited for with arrival() before receive().
  /// A connection that has failed has its failure to tell.
  [[nodiscard]] bool must_wait() const { return !failure_ && !watch_.may_read(); }
  /// Waits until something comes. All in hand must have been consumed. Completion: void(error_code), for
  /// arrived().
  template <class Token>
  auto arrival(Token&& token) {
    release();
    phase_ = Phase::waiting;
    return watch_.wait(SocketEvent::input, std::forward<Token>(token));
  }
  /// Takes what arrival() brought. @throws Exception connection_lost, cancelled, and what the deadline says.
  void arrived(boost::system::error_code failure);
  /// Takes what has come, without waiting: afterwards data() has bytes, or ended() is true, or neither (there
  /// was nothing, or TLS needed it for itself). All in hand must have been consumed.
  /// @throws Exception connection_lost, and what the deadline says.
  void receive();
  /// Waits until something comes while nobody reads: void(error_code). Whoever waits for anything else comes
  /// first: then it is operation_aborted. Only while is_waiting() is false and must_wait() true.
  template <class Token>
  auto watch_input(Token&& token) {
    return watch_.wait(SocketEvent::input, std::forward<Token>(token));
  }
  /// Ends watch_input().
  void end_watch_input() { watch_.interrupt(); }
  /// Whether a read or a write waits for the socket.
  [[nodiscard]] bool is_waiting() const { return phase_ != Phase::idle; }

  // --- closing --------------------------------------------------------------------------------------------
  /// For a connection that waited to be used again: true when it was closed, or spoke unasked. `rested` is
  /// how long it did.
  [[nodiscard]] bool is_stale(Clock::duration rested);
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
  enum class Phase { idle, waiting, writing };
  void on_deadline() override;
  void close_socket();
  void apply_deadline();
  void borrow();
  [[nodiscard]] char* raw_begin() const;
  [[nodiscard]] std::size_t raw_room() const;
  void accept_raw(char* bytes, std::size_t size);
  void decrypt();
  bool send_plain(std::string_view first, std::string_view second, std::size_t& done);
  bool send_tls(std::string_view first, std::string_view second, std::size_t& done);
  asio::awaitable<void> wait_for(SocketEvent what);
  [[nodiscard]] std::string waiting_for() const;
  [[nodiscard]] Error describe(ErrorKind kind) const;
  [[nodiscard]] Error describe(const boost::system::error_code& code, const char* what) const;
  void throw_if_failed() const;

  std::shared_ptr<ConnectionContext> context_;
  int socket_;
  SocketWatch watch_;
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
  Phase phase_ = Phase::idle;
  bool ended_ = false;
  bool ended_cleanly_ = false;
};

}  // namespace lllm
