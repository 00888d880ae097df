#include "lllm/formats/proxy.hpp"

#include <charconv>
#include <cstdint>

#include "lllm/base/base64.hpp"
#include "lllm/base/text.hpp"

namespace lllm {
namespace {

std::optional<std::uint32_t> ipv4(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  std::uint32_t address = 0;
  for (const auto part : parts) {
    std::uint8_t byte = 0;
    const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), byte);
    if (part.empty() || failure != std::errc() || end != part.data() + part.size()) return std::nullopt;
    address = address << 8 | byte;
  }
  return address;
}

bool in_network(std::string_view host, std::string_view network) {
  const auto slash = network.find('/');
  const auto address = ipv4(host);
  const auto base = ipv4(network.substr(0, slash));
  if (!address || !base || slash == network.npos) return false;
  unsigned bits = 0;
  const auto digits = network.substr(slash + 1);
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (failure != std::errc() || end != digits.data() + digits.size() || bits > 32) return false;
  return bits == 0 || *address >> (32 - bits) == *base >> (32 - bits);
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
  if (!url) return Error(ErrorKind::configuration, "proxy: not a URL such as http://host:port");
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

Result<ProxyRules> proxy_rules(const std::function<std::optional<std::string>(const char*)>& variable) {
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
  ProxyRules rules;
  const auto assign = [&](std::optional<HttpProxy>& place, std::optional<std::string> value,
                          const char* name) -> Result<void> {
    const bool from_all = !value;
    if (from_all) value = all;
    if (!value) return {};
    auto proxy = parse_proxy(*value);
    if (!proxy)
      return Error(ErrorKind::configuration,
                   std::string(from_all ? "ALL_PROXY" : name) + ": " + proxy.error().message());
    place = std::move(*proxy);
    return {};
  };
  if (auto done = assign(rules.for_https, read("https_proxy", "HTTPS_PROXY"), "HTTPS_PROXY"); !done)
    return done.error();
  if (auto done = assign(rules.for_http, read("http_proxy", is_cgi ? nullptr : "HTTP_PROXY"), "HTTP_PROXY");
      !done)
    return done.error();
  if (const auto direct = read("no_proxy", "NO_PROXY"))
    for (const auto rule : split(*direct, ',')) rules.direct.emplace_back(trim(rule));
  return rules;
}

}  // namespace lllm
