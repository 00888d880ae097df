#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "lllm/base/error.hpp"

namespace lllm {

/// Where a connection goes, and all that two connections must share to be interchangeable.
struct Origin {
  std::string scheme;  ///< "http" or "https".
  std::string host;    ///< Lower case; an IPv6 address without its brackets.
  std::uint16_t port = 0;

  Origin() = default;
  Origin(std::string scheme, std::string host, std::uint16_t port)
      : scheme(std::move(scheme)), host(std::move(host)), port(port) {}

  [[nodiscard]] bool is_tls() const { return scheme == "https"; }
  /// `host` or `host:port`, as a Host header has it: the port only when it is not the scheme's own.
  [[nodiscard]] std::string authority() const;
  /// `https://host[:port]`.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Origin&, const Origin&) = default;
};

/// An absolute http or https URL (RFC 3986), taken apart for a request.
struct Url {
  Origin origin;
  std::string target;    ///< Path and query as they go on the request line; never empty, begins with '/'.
  std::string user;      ///< Decoded; empty when the URL has none.
  std::string password;  ///< Decoded. A secret: for a proxy's or a server's credentials only.

  /// Joins `path` to the URL's own: "https://h/v1" + "/chat" is "/v1/chat"; a query stays behind it.
  [[nodiscard]] std::string target_for(std::string_view path) const;
};

/// Errors: `invalid_argument`, saying what is wrong; the URL's user, password and query are never quoted.
Result<Url> parse_url(std::string_view text);

}  // namespace lllm

template <>
struct std::hash<lllm::Origin> {
  std::size_t operator()(const lllm::Origin& origin) const noexcept {
    return std::hash<std::string_view>()(origin.host) ^ (std::size_t{origin.port} << 1) ^
           origin.scheme.size();
  }
};
