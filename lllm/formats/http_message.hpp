#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/formats/url.hpp"

namespace lllm {

/// Header fields in the order they were added. Names compare without case (RFC 9110 §5.1).
class HttpHeaders {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };
  class const_iterator;

  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<Field> fields);

  /// Appends; a field of the same name stays.
  void add(std::string_view name, std::string_view value);
  /// Replaces every field of that name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  void clear();
  void reserve(std::size_t fields, std::size_t bytes);

  /// For who reads many fields at once: copies `text`, in which the fields stand, …
  void hold(std::string_view text);
  /// … and appends one of them, given by where it is in that text.
  void add_held(std::size_t name_at, std::size_t name_size, std::size_t value_at, std::size_t value_size);

  /// The first field of that name. The view lives until the headers change.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// Like find, and empty when there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const { return find(name).value_or(""); }
  [[nodiscard]] bool contains(std::string_view name) const { return find(name).has_value(); }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] Field operator[](std::size_t index) const;
  [[nodiscard]] const_iterator begin() const;
  [[nodiscard]] const_iterator end() const;

  friend bool operator==(const HttpHeaders& a, const HttpHeaders& b);

 private:
  // One block of text and one of offsets: two allocations per message, however many fields it has.
  struct Entry {
    std::uint32_t name_at;
    std::uint32_t name_size;
    std::uint32_t value_at;
    std::uint32_t value_size;
  };
  [[nodiscard]] std::string_view name_of(const Entry& entry) const {
    return {text_.data() + entry.name_at, entry.name_size};
  }
  [[nodiscard]] std::string_view value_of(const Entry& entry) const {
    return {text_.data() + entry.value_at, entry.value_size};
  }
  std::string text_;
  std::vector<Entry> entries_;
};

class HttpHeaders::const_iterator {
 public:
  using value_type = Field;
  using difference_type = std::ptrdiff_t;
  const_iterator() = default;
  const_iterator(const HttpHeaders& headers, std::size_t index) : headers_(&headers), index_(index) {}
  Field operator*() const { return (*headers_)[index_]; }
  const_iterator& operator++() { return ++index_, *this; }
  const_iterator operator++(int) { return {*headers_, index_++}; }
  friend bool operator==(const const_iterator& a, const const_iterator& b) { return a.index_ == b.index_; }

 private:
  const HttpHeaders* headers_ = nullptr;
  std::size_t index_ = 0;
};

inline HttpHeaders::const_iterator HttpHeaders::begin() const {
  return {*this, 0};
}
inline HttpHeaders::const_iterator HttpHeaders::end() const {
  return {*this, size()};
}

/// One request. Host, Content-Length, Connection and a User-Agent (unless given) are added when it is
/// written.
struct HttpRequest {
  std::string method = "GET";
  Origin origin;
  std::string target = "/";
  HttpHeaders headers;
  std::string body;

  HttpRequest() = default;
  HttpRequest(std::string method, Origin origin, std::string target, HttpHeaders headers = {},
              std::string body = {})
      : method(std::move(method)),
        origin(std::move(origin)),
        target(std::move(target)),
        headers(std::move(headers)),
        body(std::move(body)) {}
};

/// What comes before an answer's body.
struct HttpResponseHead {
  int status = 0;
  std::string reason;
  HttpHeaders headers;
};

/// How a request is addressed on the wire.
enum class RequestForm {
  origin,    ///< "GET /path": to the server itself, or through a tunnel.
  absolute,  ///< "GET http://host/path": to a proxy that forwards plain HTTP.
};

/// `invalid_argument` when anything in the request would break out of its place: CR, LF, NUL or other control
/// characters, a method or header name that is no token, a target that does not begin with '/', a header that
/// the writer itself sets (Content-Length, Transfer-Encoding, Connection). Names the field, never its value.
Result<void> check_request(const HttpRequest& request);

/// Appends the request line and header fields, with the empty line, to `out`. The request must have passed
/// check_request; of its body only `body_size` is told. `extra` goes behind the request's own fields (a
/// proxy's credentials).
void append_request_head(std::string& out, const HttpRequest& request, std::size_t body_size,
                         RequestForm form = RequestForm::origin, const HttpHeaders& extra = {});

/// A request that has passed check_request, its head written out but for the length of the body: for requests
/// that differ in nothing else. Immutable.
class PreparedRequest {
 public:
  /// `invalid_argument`, as check_request() has it. A body in `request` is of no account.
  static Result<PreparedRequest> make(HttpRequest request);

  [[nodiscard]] const HttpRequest& request() const { return request_; }
  /// As append_request_head() for a body of `body_size` bytes.
  void append_head(std::string& out, std::size_t body_size) const;

 private:
  explicit PreparedRequest(HttpRequest request);
  HttpRequest request_;
  std::string head_;
};

/// Appends a status line and header fields, with the empty line, as a server sends them.
void append_response_head(std::string& out, int status, const HttpHeaders& headers);

/// The usual phrase for a status ("Not Found"), empty when there is none.
std::string_view reason_phrase(int status);

/// The media type without its parameters, in lower case: "text/html; charset=utf-8" is "text/html".
std::string media_type(const HttpHeaders& headers);
/// Whether it is that one, in whatever case.
bool has_media_type(const HttpHeaders& headers, std::string_view type);

bool is_http_token(std::string_view text);

}  // namespace lllm
