#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/assert/source_location.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace lllm {

class Message;  // core/message.hpp; an Error only carries one

/// What went wrong, named by what the caller can do about it. `to_string` gives the same word.
enum class ErrorKind {
  // The caller's own input.
  invalid_argument,  ///< A value no call can use (CR/LF in a header, a tool message without its call id).
  configuration,     ///< Keys or variables are missing; the message names them.
  unknown_provider,  ///< No such provider; the message lists the known ones.
  missing_variable,  ///< A prompt's template variables were not given; the message lists them.
  parse_failed,      ///< Text is not what its parser requires.
  unsupported,       ///< This wire, provider or build cannot do that.
  // The registry.
  bad_ref,                 ///< Not `<package>.<section>:<path>`. Fix the ref.
  resource_not_found,      ///< Nothing under that ref; near matches are in the message.
  resource_type_mismatch,  ///< Found, but of another type; both are named.
  resource_conflict,       ///< Already registered; both origins are named.
  bad_resource,            ///< A file or manifest is malformed; file, line and column are named.
  io_failed,               ///< Reading or writing a file failed.
  // The way to the provider.
  dns_failed,          ///< The host's name did not resolve.
  connect_failed,      ///< No address of the host accepted a connection.
  connect_timeout,     ///< No address answered in time.
  tls_failed,          ///< The TLS handshake failed for another reason than the certificate.
  tls_untrusted,       ///< The certificate was refused. Never retried.
  tls_timeout,         ///< The TLS handshake stalled.
  proxy_failed,        ///< The HTTP proxy refused or broke the tunnel.
  write_timeout,       ///< The provider stopped reading our request.
  first_byte_timeout,  ///< The provider took the request and said nothing.
  idle_timeout,        ///< The provider stopped in the middle of an answer.
  progress_timeout,    ///< The provider sent heartbeats and nothing else.
  deadline_exceeded,   ///< The caller's deadline for the whole call ran out.
  cancelled,           ///< The caller cancelled.
  connection_lost,     ///< The connection broke before the answer was complete.
  resource_exhausted,  ///< Out of file descriptors, memory or queue room on our side.
  bad_http,            ///< The answer is not valid HTTP.
  limit_exceeded,      ///< A header, body, event or nesting limit was passed.
  // The provider's answer.
  bad_reply,          ///< The provider broke its own protocol.
  incomplete_reply,   ///< The stream ended without its end mark; `partial` has what came.
  authentication,     ///< 401: the key is missing or wrong.
  permission_denied,  ///< 403.
  not_found,          ///< 404: no such model or path.
  invalid_request,    ///< 400, 413, 422 and their like.
  content_blocked,    ///< The provider refused for its content policy.
  rate_limited,       ///< 429. Wait `retry_after`.
  quota_exceeded,     ///< 429 that waiting does not mend.
  overloaded,         ///< 503, 529.
  provider_error,     ///< Other 5xx, or an error inside an answer.
  // The rest.
  tool_failed,  ///< A tool could not run or threw.
  internal,     ///< A defect of lllm. Please report it.
};

std::string_view to_string(ErrorKind kind);

/// True where the same call may succeed when it is made again.
bool is_transient(ErrorKind kind);

/// The one failure type. Pure functions return it inside a Result, awaitables throw it inside an Exception.
///
/// `message()` is ours and holds no secret and no server text; `provider_text()` is theirs, verbatim and
/// bounded, and may echo user data. An Error is a small handle (its fields are shared until one is changed),
/// so a Result is cheap to return on the hot path.
class Error {
 public:
  Error() : Error(ErrorKind::internal, "no error was given") {}
  Error(ErrorKind kind, std::string message);

  [[nodiscard]] ErrorKind kind() const { return fields_->kind; }
  [[nodiscard]] const std::string& message() const { return fields_->message; }
  /// The system's, Asio's or OpenSSL's code behind it, when there is one.
  [[nodiscard]] const boost::system::error_code& code() const { return fields_->code; }
  /// HTTP status; 0 when no answer came.
  [[nodiscard]] int status() const { return fields_->status; }
  [[nodiscard]] const std::string& provider() const { return fields_->provider; }
  [[nodiscard]] const std::string& model() const { return fields_->model; }
  /// The provider's own id of the request (x-request-id, request-id, …).
  [[nodiscard]] const std::string& request_id() const { return fields_->request_id; }
  /// The provider's words (at most a few KiB).
  [[nodiscard]] const std::string& provider_text() const { return fields_->provider_text; }
  /// The provider's own type and code of the error ("invalid_request_error", "insufficient_quota").
  [[nodiscard]] const std::string& provider_type() const { return fields_->provider_type; }
  [[nodiscard]] const std::string& provider_code() const { return fields_->provider_code; }
  /// Set when the provider named a delay.
  [[nodiscard]] std::optional<std::chrono::milliseconds> retry_after() const { return fields_->retry_after; }
  /// How many times the request was sent, or would have been.
  [[nodiscard]] int attempts() const { return fields_->attempts; }
  /// What had been received when it failed; null when nothing had.
  [[nodiscard]] const std::shared_ptr<const Message>& partial() const { return fields_->partial; }
  /// Where in a file: `path:line:column` parts; empty and 0 when it is about no file.
  [[nodiscard]] const std::string& file() const { return fields_->file; }
  [[nodiscard]] int line() const { return fields_->line; }
  [[nodiscard]] int column() const { return fields_->column; }

  // Chainable setters: Error(kind, "…").status(429).provider("openai")
  Error& code(boost::system::error_code code) { return own().code = code, *this; }
  Error& status(int status) { return own().status = status, *this; }
  Error& provider(std::string name) { return own().provider = std::move(name), *this; }
  Error& model(std::string name) { return own().model = std::move(name), *this; }
  Error& request_id(std::string id) { return own().request_id = std::move(id), *this; }
  Error& provider_text(std::string text) { return own().provider_text = std::move(text), *this; }
  Error& provider_type(std::string text) { return own().provider_type = std::move(text), *this; }
  Error& provider_code(std::string text) { return own().provider_code = std::move(text), *this; }
  Error& retry_after(std::optional<std::chrono::milliseconds> delay) {
    return own().retry_after = delay, *this;
  }
  Error& attempts(int count) { return own().attempts = count, *this; }
  Error& partial(std::shared_ptr<const Message> message) { return own().partial = std::move(message), *this; }
  Error& message(std::string text) { return own().message = std::move(text), *this; }
  Error& at(std::string file, int line = 0, int column = 0);

  /// One line for a person: `file:line:col: ` when known (not where the message names the file), the message,
  /// then what is known in brackets (provider, model, status, request id, attempts). Never the provider's
  /// text.
  [[nodiscard]] std::string to_string() const;

 private:
  struct Fields {
    ErrorKind kind = ErrorKind::internal;
    std::string message;
    boost::system::error_code code;
    int status = 0;
    int attempts = 0;
    int line = 0;
    int column = 0;
    std::string provider, model, request_id, provider_text, provider_type, provider_code, file;
    std::optional<std::chrono::milliseconds> retry_after;
    std::shared_ptr<const Message> partial;
  };
  Fields& own();  // copy on write

  std::shared_ptr<Fields> fields_;
};

/// What awaitables throw. `what()` is `Error::to_string()`.
class Exception : public std::exception {
 public:
  explicit Exception(Error error);
  [[nodiscard]] const char* what() const noexcept override { return what_->c_str(); }
  [[nodiscard]] const Error& error() const noexcept { return error_; }
  [[nodiscard]] ErrorKind kind() const noexcept { return error_.kind(); }

 private:
  Error error_;
  std::shared_ptr<const std::string> what_;  // shared: copying an exception must not throw
};

/// What pure functions return. `.value()` throws an Exception that holds the Error.
template <class T = void>
using Result = boost::system::result<T, Error>;

/// Found by argument-dependent lookup from boost::system::result::value().
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

[[noreturn]] void throw_error(Error error);
[[noreturn]] void throw_error(ErrorKind kind, std::string message);

/// The Error inside any exception: an Exception's own, a cancellation or a system error translated, `what()`
/// of anything else as `internal`.
Error error_from(const std::exception_ptr& failure);

}  // namespace lllm
