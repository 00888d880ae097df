#include "lllm/net/connection.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include "lllm/base/time.hpp"
#include "lllm/net/last_error.hpp"

namespace lllm {
namespace {

using boost::system::error_code;

constexpr auto as_values = asio::as_tuple(asio::deferred);

/// TLS decrypts within one buffer: ciphertext is received behind this room, and what it decrypts to goes
/// before it. OpenSSL may already hold most of a record from earlier, so the plain text can be one record
/// ahead of the input.
constexpr std::size_t tls_room = 17 * 1024;

constexpr std::size_t most_plain_record = 16 * 1024;

}  // namespace

Connection::Connection(std::shared_ptr<ConnectionContext> context, Socket socket, std::string peer)
    : Deadline(context->deadlines),
      context_(std::move(context)),
      socket_(-1),
      watch_(context_->readiness),
      peer_(std::move(peer)) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_ = socket.release();  // from Asio's reactor, into ours
  if (const auto failure = watch_.start(socket_)) {
    ::close(socket_);
    throw_error(Error(ErrorKind::resource_exhausted,
                      "no room to watch the connection to " + peer_ + ": " + failure.message())
                    .code(failure));
  }
}

Connection::~Connection() {
  close();
  release();
}

void Connection::call_deadline(Clock::time_point due) {
  call_deadline_ = due;
  apply_deadline();
}

void Connection::allow(std::chrono::milliseconds limit, ErrorKind kind) {
  step_limit_ = limit;
  step_kind_ = kind;
  step_deadline_ = limit.count() > 0 ? time_after(Clock::now(), limit) : never;
  apply_deadline();
}

void Connection::rest() {
  call_deadline_ = step_deadline_ = never;
  apply_deadline();
}

void Connection::apply_deadline() {
  if (!failure_) expires_at(std::min(call_deadline_, step_deadline_));
}

void Connection::on_deadline() {
  const bool whole_call = call_deadline_ <= step_deadline_;
  if (whole_call) return close(ErrorKind::deadline_exceeded);
  if (phase_ == Phase::waiting || phase_ == Phase::writing) return close(step_kind_);
  // Nobody waits for the peer: it is the caller who takes his time.
  step_deadline_ = never;
  apply_deadline();
}

void Connection::close(ErrorKind why) {
  if (!failure_) failure_ = why;
  expires_at(never);
  if (socket_ < 0) return;
  if (tls_ && why == ErrorKind::cancelled) tls_->shutdown();
  close_socket();
}

void Connection::abort() {
  if (socket_ < 0) return;
  const linger at_once{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  if (!failure_) failure_ = ErrorKind::cancelled;
  expires_at(never);
  close_socket();
}

void Connection::close_socket() {
  watch_.stop();
  ::close(std::exchange(socket_, -1));
}

void Connection::half_close() {
  if (tls_) tls_->shutdown();
  ::shutdown(socket_, SHUT_WR);
}

/// What the step under way was waiting for when the whole call's time was up.
std::string Connection::waiting_for() const {
  switch (step_kind_) {
    case ErrorKind::connect_timeout:
      return "before a tunnel was open to " + peer_;
    case ErrorKind::tls_timeout:
      return "in the TLS handshake with " + peer_;
    case ErrorKind::write_timeout:
      return "while " + peer_ + " took the request";
    case ErrorKind::first_byte_timeout:
      return "before " + peer_ + " answered";
    default:
      return "in the middle of the answer of " + peer_;
  }
}

Error Connection::describe(ErrorKind kind) const {
  const auto after = " after " + std::to_string(step_limit_.count()) + " ms";
  switch (kind) {
    case ErrorKind::deadline_exceeded:
      return Error(kind, "the deadline of the call ran out " + waiting_for());
    case ErrorKind::connect_timeout:
      return Error(kind, "no tunnel was opened to " + peer_ + ": given up" + after);
    case ErrorKind::tls_timeout:
      return Error(kind, "the TLS handshake with " + peer_ + " stalled: given up" + after);
    case ErrorKind::write_timeout:
      return Error(kind, peer_ + " stopped reading the request: given up" + after);
    case ErrorKind::first_byte_timeout:
      return Error(kind, peer_ + " took the request and sent no answer: given up" + after);
    case ErrorKind::idle_timeout:
      return Error(kind, peer_ + " stopped sending in the middle of its answer: given up" + after);
    case ErrorKind::cancelled:
      return Error(kind, "the call was cancelled");
    default:
      return Error(kind, "the connection to " + peer_ + " failed");
  }
}

Error Connection::describe(const error_code& code, const char* what) const {
  if (failure_) return describe(*failure_);
  if (code == asio::error::operation_aborted) return describe(ErrorKind::cancelled);
  return Error(ErrorKind::connection_lost, std::string(what) + ' ' + peer_ + " failed: " + code.message())
      .code(code);
}

void Connection::throw_if_failed() const {
  if (failure_) throw_error(describe(*failure_));
}

// --- reading ----------------------------------------------------------------------------------------------

char* Connection::raw_begin() const {
  return buffer_.get() + (tls_ ? tls_room : 0);
}
std::size_t Connection::raw_room() const {
  return BufferPool::buffer_size - (tls_ ? tls_room : 0);
}

void Connection::borrow() {
  if (!buffer_) buffer_ = context_->buffers.take();
}

void Connection::release() {
  begin_ = end_ = nullptr;
  if (buffer_) context_->buffers.give(std::move(buffer_));
}

void Connection::arrived(error_code failure) {
  phase_ = Phase::idle;
  if (failure) throw_error(describe(failure, "reading from"));
}

void Connection::receive() {
  throw_if_failed();
  borrow();
  const std::size_t room = raw_room();
  long size = 0;
  do {
    size = ::recv(socket_, raw_begin(), room, 0);
  } while (size < 0 && errno == EINTR);
  // Less than there was room for: all that had come. What comes later will be told.
  const auto failure = size < 0 ? last_error() : error_code();
  if (size != 0 && size < static_cast<long>(room)) watch_.nothing_left();
  if (size >= 0) return accept_raw(raw_begin(), static_cast<std::size_t>(size));
  release();
  if (failure == asio::error::would_block || failure == asio::error::try_again) return;
  throw_error(describe(failure, "reading from"));
}

void Connection::accept_raw(char* bytes, std::size_t size) {
  if (size == 0) {
    ended_ = true;
    if (!tls_) ended_cleanly_ = true;
    return;
  }
  if (!tls_ || !tls_->established()) {  // a handshake feeds itself from the raw bytes
    begin_ = bytes;
    end_ = bytes + size;
    return;
  }
  tls_->feed({bytes, size});
  decrypt();
}

void Connection::decrypt() {
  std::size_t room = BufferPool::buffer_size;
  const auto status = tls_->read(buffer_.get(), room);
  begin_ = buffer_.get();
  end_ = begin_ + room;
  if (status == TlsStream::Status::closed) {
    ended_ = ended_cleanly_ = true;
  } else if (status == TlsStream::Status::failed && room == 0) {
    const Error why = tls_->error();
    throw_error(Error(why.kind(), why.message() + " (" + peer_ + ')'));
  } else if (status == TlsStream::Status::failed) {
    ended_ = true;  // what came before the fault is good; then it ends badly
  }
}

// --- writing ----------------------------------------------------------------------------------------------

bool Connection::try_write(std::string_view first, std::string_view second, std::size_t& done) {
  throw_if_failed();
  return tls_ ? send_tls(first, second, done) : send_plain(first, second, done);
}

bool Connection::send_plain(std::string_view first, std::string_view second, std::size_t& done) {
  const std::size_t total = first.size() + second.size();
  while (done < total) {
    const auto from_first = first.substr(std::min(done, first.size()));
    const auto from_second = second.substr(done - std::min(done, first.size()));
    std::array<iovec, 2> parts{{{const_cast<char*>(from_first.data()), from_first.size()},
                                {const_cast<char*>(from_second.data()), from_second.size()}}};
    msghdr message{};
    message.msg_iov = parts.data() + (from_first.empty() ? 1 : 0);
    message.msg_iovlen = from_first.empty() || from_second.empty() ? 1 : 2;
    const auto sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      done += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return false;
    } else if (errno != EINTR) {
      throw_error(describe(last_error(), "sending to"));
    }
  }
  return true;
}

bool Connection::send_tls(std::string_view first, std::string_view second, std::size_t& done) {
  const std::size_t total = first.size() + second.size();
  const auto check = [this](bool good) {
    if (!good && tls_->error().kind() == ErrorKind::connection_lost)
      throw_error(
          Error(ErrorKind::connection_lost, "sending to " + peer_ + " failed: " + tls_->error().message()));
  };
  if (tls_->has_unsent() && !tls_->flush()) return check(tls_->has_unsent()), false;
  while (done < total) {
    const auto part = done < first.size() ? first.substr(done) : second.substr(done - first.size());
    const auto record = part.substr(0, most_plain_record);
    const auto status = tls_->write(record);
    if (status != TlsStream::Status::ok)
      throw_error(
          Error(ErrorKind::connection_lost, "sending to " + peer_ + " failed: " + tls_->error().message()));
    done += record.size();
    if (tls_->has_unsent()) return false;
  }
  return true;
}

asio::awaitable<void> Connection::wait_for(SocketEvent what) {
  watch_.interrupt();  // of watch_input()
  phase_ = Phase::writing;
  auto waiting = watch_.wait(what, as_values);
  const auto [failure] = co_await std::move(waiting);
  phase_ = Phase::idle;
  if (failure) throw_error(describe(failure, "sending to"));
  throw_if_failed();
}

asio::awaitable<bool> Connection::write(std::string_view first, std::string_view second, std::size_t done,
                                        bool stop_on_input) {
  for (std::size_t before = done; !try_write(first, second, done); before = done) {
    if (done != before) allow(step_limit_, step_kind_);  // slow is not stalled
    // The server may answer (413) without reading all of a large request.
    if (must_wait() || !stop_on_input)
      co_await wait_for(stop_on_input ? SocketEvent::either : SocketEvent::output);
    if (!stop_on_input || must_wait()) continue;
    receive();
    if (!data().empty() || ended_) co_return false;
  }
  co_return true;
}

// --- opening ----------------------------------------------------------------------------------------------

asio::awaitable<void> Connection::start_tls(std::shared_ptr<TlsContext> context, std::string host) {
  tls_ = std::make_unique<TlsStream>(std::move(context), socket_, std::move(host));
  while (true) {
    const auto status = tls_->handshake();
    while (tls_->has_unsent() && !tls_->flush()) co_await wait_for(SocketEvent::output);
    if (status == TlsStream::Status::ok) {
      if (buffer_) decrypt();  // what came behind the handshake
      co_return;
    }
    if (status != TlsStream::Status::want_input)
      throw_error(Error(tls_->error().kind(), tls_->error().message() + " (" + peer_ + ')'));
    if (must_wait()) {
      auto input = arrival(as_values);
      const auto [failure] = co_await std::move(input);
      arrived(failure);
    }
    try {
      receive();
    } catch (const Exception& failure) {
      if (failure.kind() != ErrorKind::connection_lost) throw;
      throw_error(Error(ErrorKind::tls_failed,
                        "the TLS handshake with " + peer_ + " failed: " + failure.error().code().message())
                      .code(failure.error().code()));
    }
    if (ended_)
      throw_error(ErrorKind::tls_failed, "the TLS handshake with " + peer_ + " failed: the server hung up");
    tls_->feed(data());
    consume(data().size());
  }
}

// --- reuse ------------------------------------------------------------------------------------------------

bool Connection::is_stale(Clock::duration rested) {
  if (failure_ || socket_ < 0 || ended_ || begin_ != end_) return true;
  // What has not been told yet may have come all the same. The kernel is asked when the connection has lain
  // idle long enough for its server to lose patience, and not between one call and the next.
  constexpr auto told_by_now = std::chrono::milliseconds(1);
  if (must_wait() && rested < told_by_now) return false;
  try {
    receive();  // a late session ticket is no fault; TLS takes it in
  } catch (const Exception&) {
    return true;
  }
  const bool stale = ended_ || begin_ != end_;
  release();
  return stale;
}

}  // namespace lllm
