#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/awaitable.hpp"
#include "lllm/core/schema.hpp"
#include "lllm/core/tool.hpp"
#include "lllm/formats/document.hpp"
#include "lllm/runtime/backends.hpp"

namespace lllm {

/// One thing that a proxy's API can do.
struct ProxyEndpoint {
  ProxyEndpoint() = default;
  std::string name;
  std::string description;
  Schema parameters;
  std::string tool;  ///< the name of the tool it is offered as; empty: none
  std::shared_ptr<const HttpBackend> http;
};

/// An HTTP API, declared: endpoints that a program calls by name, and tools that a model may call. A value;
/// copies share everything.
///
///     Proxy market("market_data", "https://api.example.com/v1");
///     market.auth({"X-Api-Key", "MARKET_KEY", ""});
///     market.endpoint("quote", "GET", "/quotes/{symbol}", {{"properties", {{"symbol", {{"type",
///     "string"}}}}}}); const json::value quote = co_await market.call("quote", {{"symbol", "ACME"}});
class Proxy {
 public:
  Proxy() = default;
  Proxy(std::string proxy_name, std::string url) : name(std::move(proxy_name)), base_url(std::move(url)) {}

  std::string name;
  std::string description;
  std::string base_url;
  std::string ref;       ///< the qualified ref it was registered under
  HttpBackend defaults;  ///< headers, auth, timeout and limits of every endpoint added from now on

  Proxy& auth(AuthHeader header) { return defaults.auth = std::move(header), *this; }
  /// Adds an endpoint, or replaces the one of that name. @throws Exception `invalid_argument` for a path that
  /// makes no URL.
  Proxy& endpoint(std::string endpoint_name, std::string method, const std::string& path,
                  json::object parameters = {}, std::string about = {});
  Proxy& add(ProxyEndpoint endpoint);

  /// In the order of their names.
  [[nodiscard]] const std::vector<ProxyEndpoint>& endpoints() const { return endpoints_; }
  /// `resource_not_found` names near ones.
  [[nodiscard]] Result<const ProxyEndpoint*> find(std::string_view endpoint_name) const;
  /// Checks the arguments and makes the request. JSON comes back parsed, all else as a string. The proxy must
  /// outlive the call.
  /// @throws Exception `resource_not_found`, `parse_failed` for arguments that do not fit, what call_http
  /// throws. Cancellation: terminal.
  [[nodiscard]] asio::awaitable<json::value> call(std::string endpoint_name,
                                                  json::object arguments = {}) const;
  /// Those offered as tools.
  [[nodiscard]] std::vector<Tool> tools() const;

  /// For people: base URL, endpoints, where the key comes from.
  [[nodiscard]] json::object info() const;

 private:
  std::vector<ProxyEndpoint> endpoints_;
};

/// Reads a proxy:
///
///     base_url = "https://api.example.com/v1"
///     description = "Market data."
///     auth = { env = "MARKET_KEY", header = "X-Api-Key" }   # default: Authorization: Bearer …
///     [endpoints.quote]
///     path = "/quotes/{symbol}"
///     description = "The latest price of a symbol."
///     [endpoints.quote.parameters]                          # JSON schema, as a tool has it
///
/// Beside these the proxy may have `headers`, `timeout`, `max_bytes`, `private_addresses`, and an endpoint
/// `method`, `query`, `headers`, `body`, `result`, `tool` (another name for the model, or false: no tool).
/// `bad_resource` with line and column. Pure.
Result<Proxy> parse_proxy_file(const std::string& path, Syntax syntax, std::string_view bytes,
                               std::vector<Error>* others = nullptr);

}  // namespace lllm
