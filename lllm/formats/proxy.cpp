#include "lllm/formats/proxy.hpp"

#include <charconv>

#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>

#include "lllm/base/base64.hpp"
#include "lllm/base/text.hpp"

namespace lllm {
namespace {

/// The 4 or 16 bytes of an IP address; nothing for anything else.
std::string address_bytes(std::string_view text) {
  const auto bytes_of = [](const auto& address) {
    const auto bytes = address.to_bytes();
    return std::string(bytes.begin(), bytes.end());
  };
  const boost::urls::string_view view(text.data(), text.size());
  if (const auto v4 = boost::urls::parse_ipv4_address(view)) return bytes_of(*v4);
  if (const auto v6 = boost::urls::parse_ipv6_address(view)) return bytes_of(*v6);
  return {};
}

/// "10.0.0.0/8", "fd00::/8".
bool in_network(std::string_view host, std::string_view network) {
  const auto slash = network.find('/');
  if (slash == network.npos) return false;
  const std::string address = address_bytes(host);
  const std::string base = address_bytes(network.substr(0, slash));
  if (address.empty() || address.size() != base.size()) return false;
  std::size_t bits = 0;
  const auto digits = network.substr(slash + 1);
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (failure != std::errc() || end != digits.data() + digits.size() || bits > address.size() * 8)
    return false;
  const std::size_t whole = bits / 8;
  if (address.compare(0, whole, base, 0, whole) != 0) return false;
  const auto differing = static_cast<unsigned char>(bits % 8 == 0 ? 0 : address[whole] ^ base[whole]);
  return differing >> (8 - bits % 8) == 0;
}

bool covers(std::string_view rule, const Origin& origin) {
  rule = trim(rule);
  if (rule == "*") return true;
  if (rule.empty()) return false;
  if (in_network(origin.host, rule)) return true;
  if (rule.front() == '[') {  // [::1] or [::1]:8080
    const auto close = rule.find(']');
    if (close == rule.npos) return false;
    const auto port = rule.substr(close + 1);
    return iequals(rule.substr(1, close - 1), origin.host) &&
           (port.empty() || port == ':' + std::to_string(origin.port));
  }
  if (iequals(rule, origin.host)) return true;  // also an IPv6 address without brackets
  const auto colon = rule.find(':');
  if (colon != rule.npos) {
    if (rule.substr(colon + 1) != std::to_string(origin.port)) return false;
    rule = rule.substr(0, colon);
    if (rule == "*") return true;
  }
  if (rule.starts_with('*')) rule.remove_prefix(1);
  if (rule.starts_with('.')) rule.remove_prefix(1);
  if (rule.empty()) return false;
  const std::string_view host = origin.host;
  if (iequals(host, rule)) return true;
  return host.size() > rule.size() && host[host.size() - rule.size() - 1] == '.' &&
         iequals(host.substr(host.size() - rule.size()), rule);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "::1" ||
         in_network(host, "127.0.0.0/8");
}

}  // namespace

Secret HttpProxy::authorization() const {
  if (user.empty()) return {};
  return Secret("Basic " + base64_encode(user + ':' + password.reveal()));
}

Result<HttpProxy> parse_proxy(std::string_view text) {
  text = trim(text);
  const std::string whole = text.find("://") == text.npos ? "http://" + std::string(text) : std::string(text);
  if (to_lower(whole).starts_with("socks"))
    return Error(ErrorKind::configuration, "proxy: SOCKS is not supported, only http:// proxies are");
  const auto url = parse_url(whole);
  if (!url)
    return Error(
        ErrorKind::configuration,
        "proxy: not a URL such as http://host:port (in a user name or password, write @ : / # % as %40 "
        "%3A %2F %23 %25)");
  if (url->origin.is_tls())
    return Error(ErrorKind::configuration, "proxy: only http:// proxies are supported, not https://");
  HttpProxy proxy;
  proxy.origin = url->origin;
  proxy.user = url->user;
  proxy.password = Secret(url->password);
  return proxy;
}

const HttpProxy* ProxyRules::find(const Origin& origin) const {
  const auto& proxy = origin.is_tls() ? for_https : for_http;
  if (!proxy) return nullptr;
  if (loopback_direct && is_loopback(origin.host)) return nullptr;
  for (const auto& rule : direct)
    if (covers(rule, origin)) return nullptr;
  return &*proxy;
}

ProxyRules proxy_rules(const std::function<std::optional<std::string>(const char*)>& variable) {
  const auto read = [&variable](const char* lower, const char* upper) -> std::optional<std::string> {
    for (const char* name : {lower, upper}) {
      if (name == nullptr) continue;
      auto value = variable(name);
      if (value && !trim(*value).empty()) return value;
    }
    return std::nullopt;
  };
  const auto all = read("all_proxy", "ALL_PROXY");
  const bool is_cgi = variable("REQUEST_METHOD").has_value();
  const auto proxy_in = [&all](const std::optional<std::string>& value,
                               const char* name) -> std::optional<HttpProxy> {
    if (!value && !all) return std::nullopt;
    auto proxy = parse_proxy(value ? *value : *all);
    if (proxy) return std::move(*proxy);
    HttpProxy unusable;
    unusable.fault =
        Error(proxy.error().kind(), std::string(value ? name : "ALL_PROXY") + ": " + proxy.error().message());
    return unusable;
  };
  ProxyRules rules;
  rules.for_https = proxy_in(read("https_proxy", "HTTPS_PROXY"), "HTTPS_PROXY");
  rules.for_http = proxy_in(read("http_proxy", is_cgi ? nullptr : "HTTP_PROXY"), "HTTP_PROXY");
  if (const auto direct = read("no_proxy", "NO_PROXY"))
    for (const auto list : split(*direct, ','))
      for (const auto rule : split(list, ' '))
        if (!trim(rule).empty()) rules.direct.emplace_back(trim(rule));
  return rules;
}

}  // namespace lllm
