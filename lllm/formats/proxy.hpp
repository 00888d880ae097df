#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/secret.hpp"
#include "lllm/formats/url.hpp"

namespace lllm {

/// An HTTP proxy and the credentials it wants.
struct HttpProxy {
  Origin origin;
  std::string user;
  Secret password;
  /// Set for one that cannot be used (SOCKS, for one): what would go through it fails with this. Going past
  /// it would show what it was meant to hide.
  std::optional<Error> fault;

  HttpProxy() = default;
  /// The value of Proxy-Authorization ("Basic …"); empty without a user.
  [[nodiscard]] Secret authorization() const;
};

/// "http://user:password@host:port"; the scheme may be left out, a port too (80). `configuration` for
/// anything else: proxies that are themselves reached over TLS, and SOCKS, are not supported. The text is
/// never quoted.
Result<HttpProxy> parse_proxy(std::string_view text);

/// Which requests go through a proxy, and through which.
struct ProxyRules {
  std::optional<HttpProxy> for_http;
  std::optional<HttpProxy> for_https;
  /// Hosts reached directly: "example.com" (and all below it), ".example.com", "*.example.com", "10.0.0.0/8",
  /// "fd00::/8", "host:port", "[::1]:port", "*".
  std::vector<std::string> direct;
  bool loopback_direct = true;  ///< "localhost", 127.0.0.0/8 and ::1 are reached directly.

  ProxyRules() = default;
  /// The proxy for an origin; null: none.
  [[nodiscard]] const HttpProxy* find(const Origin& origin) const;
};

/// The rules in HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, lower case first. HTTP_PROXY is left out
/// where REQUEST_METHOD is set: in a CGI program a client could have set it by a header. A variable that
/// cannot be used is no failure for calls that need no proxy: see HttpProxy::fault, which names it.
/// @param variable  Reads one variable; nothing when it is not set.
ProxyRules proxy_rules(const std::function<std::optional<std::string>(const char*)>& variable);

}  // namespace lllm
