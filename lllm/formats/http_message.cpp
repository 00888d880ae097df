#include "lllm/formats/http_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include "lllm/base/text.hpp"
#include "lllm/formats/http_chars.hpp"
#include "lllm/version.hpp"

namespace lllm {
namespace {

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_fields(std::string& out, const HttpHeaders& headers) {
  for (const auto field : headers) out.append(field.name).append(": ").append(field.value).append("\r\n");
}

}  // namespace

HttpHeaders::HttpHeaders(std::initializer_list<Field> fields) {
  for (const Field& field : fields) add(field.name, field.value);
}

void HttpHeaders::add(std::string_view name, std::string_view value) {
  const std::size_t at = text_.size();
  text_.append(name).append(value);
  add_held(at, name.size(), at + name.size(), value.size());
}

void HttpHeaders::hold(std::string_view text) {
  text_ = text;
}

void HttpHeaders::add_held(std::size_t name_at, std::size_t name_size, std::size_t value_at,
                           std::size_t value_size) {
  const auto narrow = [](std::size_t number) { return static_cast<std::uint32_t>(number); };
  entries_.push_back({narrow(name_at), narrow(name_size), narrow(value_at), narrow(value_size)});
}

void HttpHeaders::set(std::string_view name, std::string_view value) {
  const auto ours = [this](std::string_view view) {
    return std::less_equal<>()(text_.data(), view.data()) &&
           std::less_equal<>()(view.data(), text_.data() + text_.size());
  };
  if (!contains(name) && !ours(name) && !ours(value)) return add(name, value);
  const std::string kept_name(name);  // the arguments may be views into our own text
  const std::string kept_value(value);
  remove(kept_name);
  add(kept_name, kept_value);
}

void HttpHeaders::remove(std::string_view name) {
  if (!contains(name)) return;
  const std::string unwanted(name);
  HttpHeaders kept;
  for (const Field field : *this)
    if (!iequals(field.name, unwanted)) kept.add(field.name, field.value);
  *this = std::move(kept);
}

void HttpHeaders::clear() {
  text_.clear();
  entries_.clear();
}

void HttpHeaders::reserve(std::size_t fields, std::size_t bytes) {
  entries_.reserve(fields);
  text_.reserve(bytes);
}

std::optional<std::string_view> HttpHeaders::find(std::string_view name) const {
  for (const Entry& entry : entries_)
    if (entry.name_size == name.size() && iequals(name_of(entry), name)) return value_of(entry);
  return std::nullopt;
}

HttpHeaders::Field HttpHeaders::operator[](std::size_t index) const {
  const Entry& entry = entries_[index];
  return {name_of(entry), value_of(entry)};
}

bool operator==(const HttpHeaders& a, const HttpHeaders& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](HttpHeaders::Field x, HttpHeaders::Field y) {
    return iequals(x.name, y.name) && x.value == y.value;
  });
}

bool is_http_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_http_token_char);
}

Result<void> check_request(const HttpRequest& request) {
  const auto refuse = [](std::string why) {
    return Error(ErrorKind::invalid_argument, "HTTP request: " + std::move(why));
  };
  if (!is_http_token(request.method)) return refuse("the method is not a token");
  const auto& host = request.origin.host;
  const auto unfit_for_host = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte >= 0x7f || c == '/' || c == '@' || c == '?' || c == '#' || c == '\\';
  };
  if (host.empty() || std::any_of(host.begin(), host.end(), unfit_for_host))
    return refuse("the host is empty or holds characters that no host name has");
  if (request.origin.scheme != "http" && request.origin.scheme != "https")
    return refuse("the scheme is not http or https");
  if (request.origin.port == 0) return refuse("the port is 0");
  const auto& target = request.target;
  const auto unfit_for_target = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f;
  };
  if (target.empty() || target.front() != '/') return refuse("the path does not begin with '/'");
  if (std::any_of(target.begin(), target.end(), unfit_for_target))
    return refuse("the path holds a space or a control character");
  for (const auto field : request.headers) {
    if (!is_http_token(field.name)) return refuse("a header's name is not a token");
    if (has_http_control(field.value))
      return refuse("the value of header '" + std::string(field.name) + "' holds a control character");
    for (const std::string_view ours : {"content-length", "transfer-encoding", "connection"})
      if (iequals(field.name, ours))
        return refuse("header '" + std::string(field.name) + "' is set by lllm itself");
  }
  return {};
}

namespace {

// All but what tells the body's size.
void append_head_but_length(std::string& out, const HttpRequest& request, RequestForm form,
                            const HttpHeaders& extra) {
  out.append(request.method).append(" ");
  if (form == RequestForm::absolute) out += request.origin.to_string();
  out.append(request.target).append(" HTTP/1.1\r\n");
  if (!request.headers.contains("host"))
    out.append("Host: ").append(request.origin.authority()).append("\r\n");
  append_fields(out, request.headers);
  append_fields(out, extra);
  if (!request.headers.contains("user-agent"))
    out.append("User-Agent: lllm/").append(LLLM_VERSION).append("\r\n");
}

void append_length(std::string& out, std::string_view method, std::size_t body_size) {
  if (body_size > 0 || method == "POST" || method == "PUT") {
    out.append("Content-Length: ");
    append_number(out, body_size);
    out.append("\r\n");
  }
  out.append("\r\n");
}

}  // namespace

void append_request_head(std::string& out, const HttpRequest& request, std::size_t body_size,
                         RequestForm form, const HttpHeaders& extra) {
  append_head_but_length(out, request, form, extra);
  append_length(out, request.method, body_size);
}

PreparedRequest::PreparedRequest(HttpRequest request) : request_(std::move(request)) {
  std::string().swap(request_.body);  // assigning an empty one would keep its memory
  append_head_but_length(head_, request_, RequestForm::origin, {});
}

Result<PreparedRequest> PreparedRequest::make(HttpRequest request) {
  if (const auto checked = check_request(request); !checked) return checked.error();
  return PreparedRequest(std::move(request));
}

void PreparedRequest::append_head(std::string& out, std::size_t body_size) const {
  out += head_;
  append_length(out, request_.method, body_size);
}

void append_response_head(std::string& out, int status, const HttpHeaders& headers) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(status));
  out.append(" ").append(reason_phrase(status)).append("\r\n");
  append_fields(out, headers);
  out.append("\r\n");
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 103:
      return "Early Hints";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 529:
      return "Overloaded";
    default:
      return "";
  }
}

namespace {

std::string_view media_type_as_sent(const HttpHeaders& headers) {
  const auto value = headers.get("content-type");
  return trim(value.substr(0, value.find(';')));
}

}  // namespace

std::string media_type(const HttpHeaders& headers) {
  return to_lower(media_type_as_sent(headers));
}

bool has_media_type(const HttpHeaders& headers, std::string_view type) {
  return iequals(media_type_as_sent(headers), type);
}

}  // namespace lllm
