#include "lllm/formats/http_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include "lllm/base/text.hpp"
#include "lllm/version.hpp"

namespace lllm {
namespace {

constexpr auto token_table = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c)
    table[static_cast<std::size_t>(c)] = table[static_cast<std::size_t>(c - 32)] = true;
  return table;
}();

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

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
  entries_.push_back({static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint32_t>(value.size())});
  text_.append(name).append(value);
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
  for (const Entry& entry : entries_) {
    if (entry.name_size != name.size()) continue;
    const std::string_view whole(text_.data() + entry.offset, entry.name_size + entry.value_size);
    if (iequals(whole.substr(0, entry.name_size), name)) return whole.substr(entry.name_size);
  }
  return std::nullopt;
}

HttpHeaders::Field HttpHeaders::operator[](std::size_t index) const {
  const Entry& entry = entries_[index];
  const std::string_view whole(text_.data() + entry.offset, entry.name_size + entry.value_size);
  return {whole.substr(0, entry.name_size), whole.substr(entry.name_size)};
}

bool operator==(const HttpHeaders& a, const HttpHeaders& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](HttpHeaders::Field x, HttpHeaders::Field y) {
    return iequals(x.name, y.name) && x.value == y.value;
  });
}

bool is_http_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return token_table[static_cast<unsigned char>(c)]; });
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
    if (has_control(field.value))
      return refuse("the value of header '" + std::string(field.name) + "' holds a control character");
    for (const std::string_view ours : {"content-length", "transfer-encoding", "connection"})
      if (iequals(field.name, ours))
        return refuse("header '" + std::string(field.name) + "' is set by lllm itself");
  }
  return {};
}

void append_request_head(std::string& out, const HttpRequest& request, RequestForm form,
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
  const bool has_body = !request.body.empty() || request.method == "POST" || request.method == "PUT";
  if (has_body) {
    out.append("Content-Length: ");
    append_number(out, request.body.size());
    out.append("\r\n");
  }
  out.append("\r\n");
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

std::string media_type(const HttpHeaders& headers) {
  const auto value = headers.get("content-type");
  return to_lower(trim(value.substr(0, value.find(';'))));
}

}  // namespace lllm
