#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "lllm/formats/http_message.hpp"

namespace lllm {

namespace asio = boost::asio;

/// How one exchange went, in time since `send` was called.
struct HttpTimings {
  std::chrono::nanoseconds queued{0};      ///< Until a connection was there, or could be opened.
  std::chrono::nanoseconds connected{0};   ///< Until the request could be sent.
  std::chrono::nanoseconds first_byte{0};  ///< Until the answer's head was read.
  bool reused = false;                     ///< On a connection that had served before.
  bool replayed =
      false;  ///< Sent twice: the kept connection turned out to be dead before any byte of an answer.
  bool tls_resumed = false;
};

/// An answer whose head has come and whose body is being read. Movable. Destroying it before the body's end
/// closes the connection; at the end the connection goes back to the pool. Confined to the client's executor.
class HttpExchange {
 public:
  HttpExchange();  ///< No exchange: for a variable to be assigned to. Only assigning and destroying is
                   ///< allowed.
  HttpExchange(HttpExchange&&) noexcept;
  HttpExchange& operator=(HttpExchange&&) noexcept;
  ~HttpExchange();

  [[nodiscard]] const HttpResponseHead& head() const;
  [[nodiscard]] const HttpTimings& timings() const;

  /// The next bytes of the body, without framing and unpacked; empty at its end. The view lives until the
  /// next call on this object. Nothing is read from the network between calls: a caller that takes its time
  /// slows the sender.
  /// @throws Exception connection_lost (also when the body is cut short), idle_timeout, deadline_exceeded,
  /// bad_http,
  ///         limit_exceeded, cancelled.
  /// Cancellation: terminal; the connection is closed.
  asio::awaitable<std::string_view> read_some();

  /// The whole body, when all of it came with the head and is no longer than `limit`, as a view that lives as
  /// long as this object; else empty, and nothing was read: then it is for read_some() or read_all().
  /// @throws Exception bad_http.
  [[nodiscard]] std::string_view whole_body(std::size_t limit);

  /// The rest of the body. @throws Exception as read_some; limit_exceeded when it is longer than `limit`
  /// bytes.
  asio::awaitable<std::string> read_all(std::size_t limit);

  struct State;
  explicit HttpExchange(std::unique_ptr<State> state);

 private:
  std::unique_ptr<State> state_;
};

}  // namespace lllm
