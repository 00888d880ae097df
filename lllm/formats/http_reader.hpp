#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lllm/base/error.hpp"
#include "lllm/formats/http_message.hpp"

namespace lllm {

/// What a peer may make us hold. Passing one is `limit_exceeded`.
struct HttpLimits {
  std::size_t head_bytes = 64 * 1024;  ///< Status line and header fields together.
  std::size_t header_lines = 256;      ///< Fields of one message.
  std::size_t chunk_line_bytes =
      4 * 1024;            ///< A chunk's size with its extension; also all trailers together.
  int informational = 16;  ///< 1xx answers before the real one.
};

/// A run of body bytes, and how much of the input it took.
struct HttpBodyPart {
  std::string_view data;
  std::size_t consumed = 0;
};

/// Takes the framing off a message's body (RFC 9112 §6 and §7). Pure: bytes in, bytes out.
class HttpBodyReader {
 public:
  enum class Framing { none, length, chunked, until_close };

  HttpBodyReader() = default;
  explicit HttpBodyReader(Framing framing, std::uint64_t length = 0, std::size_t chunk_line_limit = 4096);

  /// Reads on. Body bytes of several chunks are moved together inside `bytes`, so that one read from the
  /// network gives one view. Whatever follows the body is not consumed.
  Result<HttpBodyPart> read(char* bytes, std::size_t size);
  /// The input has ended. `connection_lost` when the body is not whole.
  Result<void> end_of_input();

  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] Framing framing() const { return framing_; }
  /// Bytes still to come, when the framing tells.
  [[nodiscard]] std::optional<std::uint64_t> remaining() const;

 private:
  enum class State {
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    final_lf
  };
  Result<HttpBodyPart> read_chunked(char* bytes, std::size_t size);
  Result<void> step(char c);

  Framing framing_ = Framing::none;
  State state_ = State::size;
  bool complete_ = true;
  bool has_digit_ = false;
  std::uint32_t line_bytes_ = 0;
  std::uint32_t line_limit_ = 4096;
  std::uint64_t remaining_ = 0;
  std::uint64_t received_ = 0;
};

/// Reads one answer to one request: the head, past any 1xx, then the body.
class HttpResponseReader {
 public:
  /// @param method  The request's: an answer to HEAD has no body.
  explicit HttpResponseReader(std::string_view method = "GET", HttpLimits limits = {});

  /// Takes bytes of the head and returns how many it used; the rest belongs to the body. `bad_http`,
  /// `limit_exceeded`.
  Result<std::size_t> read_head(std::string_view bytes);
  [[nodiscard]] bool head_complete() const { return head_complete_; }
  /// Valid once the head is complete.
  [[nodiscard]] HttpResponseHead& head() { return head_; }

  Result<HttpBodyPart> read_body(char* bytes, std::size_t size) { return body_.read(bytes, size); }
  [[nodiscard]] bool complete() const { return head_complete_ && body_.complete(); }
  [[nodiscard]] const HttpBodyReader& body() const { return body_; }
  /// The connection has ended. Nothing when that is how the body ends; `connection_lost` otherwise.
  Result<void> end_of_input();
  /// True when any byte of an answer has been seen: a request then may not be sent again.
  [[nodiscard]] bool started() const { return started_; }
  /// Whether the connection may carry another request after this answer.
  [[nodiscard]] bool keep_alive() const { return keep_alive_ && complete(); }

 private:
  Result<void> parse_head(std::string_view head);

  HttpLimits limits_;
  bool is_head_request_ = false;
  bool head_complete_ = false;
  bool started_ = false;
  bool keep_alive_ = false;
  int informational_ = 0;
  std::string pending_;  // a head that came in pieces
  HttpResponseHead head_;
  HttpBodyReader body_;
};

/// A request's first line and fields, as a server reads them.
struct HttpRequestHead {
  std::string method;
  std::string target;
  HttpHeaders headers;
};

/// Reads one request: what HttpResponseReader is to a client.
class HttpRequestReader {
 public:
  explicit HttpRequestReader(HttpLimits limits = {}) : limits_(limits) {}

  Result<std::size_t> read_head(std::string_view bytes);
  [[nodiscard]] bool head_complete() const { return head_complete_; }
  [[nodiscard]] HttpRequestHead& head() { return head_; }
  Result<HttpBodyPart> read_body(char* bytes, std::size_t size) { return body_.read(bytes, size); }
  [[nodiscard]] bool complete() const { return head_complete_ && body_.complete(); }
  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  /// True when the client waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }

 private:
  Result<void> parse_head(std::string_view head);

  HttpLimits limits_;
  bool head_complete_ = false;
  bool started_ = false;
  bool keep_alive_ = false;
  bool expects_continue_ = false;
  std::string pending_;
  HttpRequestHead head_;
  HttpBodyReader body_;
};

}  // namespace lllm
