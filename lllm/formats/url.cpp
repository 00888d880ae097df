#include "lllm/formats/url.hpp"

#include <charconv>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "lllm/base/text.hpp"
#include "lllm/formats/host_and_port.hpp"

namespace lllm {
namespace {

std::uint16_t default_port(std::string_view scheme) {
  return scheme == "https" ? 443 : 80;
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : '[' + host + ']';
}

}  // namespace

std::string host_and_port(const std::string& host, std::uint16_t port) {
  return bracketed(host) + ':' + std::to_string(port);
}

std::string Origin::authority() const {
  return port == default_port(scheme) ? bracketed(host) : host_and_port(host, port);
}

std::string Origin::to_string() const {
  return scheme + "://" + authority();
}

std::string Url::target_for(std::string_view path) const {
  const auto query = target.find('?');
  std::string joined = target.substr(0, query);
  while (!joined.empty() && joined.back() == '/') joined.pop_back();
  if (path.empty() || path.front() != '/') joined += '/';
  joined += path;
  if (query == std::string::npos) return joined;
  if (joined.find('?') == std::string::npos) return joined + target.substr(query);
  return joined + '&' + target.substr(query + 1);
}

Result<Url> parse_url(std::string_view text) {
  const auto refuse = [](std::string why) {
    return Error(ErrorKind::invalid_argument, "URL: " + std::move(why));
  };
  if (has_control_break(text)) return refuse("it holds CR, LF or NUL");
  const auto parsed = boost::urls::parse_uri(boost::urls::string_view(text.data(), text.size()));
  if (!parsed) return refuse("not an absolute URL such as https://host/path");

  const auto view = *parsed;
  Url url;
  const auto scheme = view.scheme();
  url.origin.scheme = to_lower(std::string_view(scheme.data(), scheme.size()));
  if (url.origin.scheme != "http" && url.origin.scheme != "https")
    return refuse("scheme '" + url.origin.scheme + "' is not http or https");
  url.origin.host = to_lower(std::string(view.host_address()));
  if (url.origin.host.empty()) return refuse("it has no host");
  // A decoded host can hold anything ("%0d%0a", "%2f"), and it goes into a header.
  const bool is_name = view.host_type() == boost::urls::host_type::name;
  for (const char c : url.origin.host) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!alphanumeric && c != '.' && c != '-' && c != '_' && (is_name || c != ':'))
      return refuse("the host holds characters that no host name has");
  }
  url.origin.port = default_port(url.origin.scheme);
  if (view.has_port() && !view.port().empty()) {
    const auto port = view.port();  // port_number() has no word for a number that does not fit
    const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), url.origin.port);
    if (failure != std::errc() || end != port.data() + port.size() || url.origin.port == 0)
      return refuse("the port is not between 1 and 65535");
  }
  const auto path = view.encoded_path();
  // Boost.URL 1.81 takes "[::1]80/" for a host and a path.
  if (!path.empty() && path.front() != '/') return refuse("something stands between the host and the path");
  url.target = path.empty() ? "/" : std::string(path.data(), path.size());
  if (view.has_query()) {
    const auto query = view.encoded_query();
    url.target.append("?").append(query.data(), query.size());
  }
  if (view.has_userinfo()) {
    url.user = std::string(view.user());
    url.password = std::string(view.password());
  }
  return url;
}

}  // namespace lllm
