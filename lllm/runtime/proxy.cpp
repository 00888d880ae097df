#include "lllm/runtime/proxy.hpp"

#include <algorithm>

#include "lllm/base/text.hpp"
#include "lllm/formats/url.hpp"
#include "lllm/runtime/tool_file.hpp"

namespace lllm {
namespace {

std::string joined(std::string base, std::string_view path) {
  while (base.ends_with('/')) base.pop_back();
  if (!path.empty() && !path.starts_with('/')) base += '/';
  return base.append(path);
}

ProxyEndpoint read_endpoint(const TableReader& table, const std::string& name, const Proxy& proxy) {
  table.only({"path", "method", "description", "parameters", "query", "headers", "body", "result", "tool"});
  ProxyEndpoint endpoint;
  endpoint.name = name;
  endpoint.description = table.text("description");
  endpoint.parameters = table.parameters("parameters");
  endpoint.tool = name;
  if (const auto* tool = table.find("tool"); tool != nullptr && tool->is_bool())
    endpoint.tool = tool->get_bool() ? name : "";
  else
    endpoint.tool = table.text("tool", name);
  if (!endpoint.tool.empty()) check_tool_name(table, "tool", endpoint.tool);
  HttpBackend http = proxy.defaults;
  http.method = read_method(table);
  http.url = joined(proxy.base_url, table.text("path"));
  http.query = table.pairs("query");
  for (auto& header : table.pairs("headers")) http.headers.push_back(std::move(header));
  const auto body = table.text("body", "json");
  if (body != "json" && body != "form") table.fail("body", "'body' must be \"json\" or \"form\"");
  http.form = body == "form";
  http.result = table.text("result");
  if (!http.result.empty() && http.result.front() != '/')
    table.fail("result", "'result' must be a JSON pointer such as \"/data/0\"");
  if (proxy.base_url.empty()) http.url.clear();
  check_http(table, "path", http, endpoint.parameters);
  endpoint.http = std::make_shared<const HttpBackend>(std::move(http));
  return endpoint;
}

}  // namespace

Proxy& Proxy::add(ProxyEndpoint endpoint) {
  const auto place =
      std::lower_bound(endpoints_.begin(), endpoints_.end(), endpoint.name,
                       [](const ProxyEndpoint& one, const std::string& wanted) { return one.name < wanted; });
  if (place != endpoints_.end() && place->name == endpoint.name)
    *place = std::move(endpoint);
  else
    endpoints_.insert(place, std::move(endpoint));
  return *this;
}

Proxy& Proxy::endpoint(std::string endpoint_name, std::string method, const std::string& path,
                       json::object parameters, std::string about) {
  HttpBackend http = defaults;
  http.method = std::move(method);
  http.url = joined(base_url, path);
  std::string filled = http.url;
  for (const auto& variable : placeholders(path)) filled = replace_all(filled, '{' + variable + '}', "x");
  if (const auto url = parse_url(filled); !url) throw_error(url.error());
  if (!parameters.contains("type")) parameters["type"] = "object";
  ProxyEndpoint added;
  added.name = std::move(endpoint_name);
  added.description = std::move(about);
  added.parameters = Schema(std::move(parameters));
  added.tool = added.name;
  added.http = std::make_shared<const HttpBackend>(std::move(http));
  return add(std::move(added));
}

Result<const ProxyEndpoint*> Proxy::find(std::string_view endpoint_name) const {
  std::vector<std::string_view> names;
  for (const auto& endpoint : endpoints_) {
    if (endpoint.name == endpoint_name) return &endpoint;
    names.push_back(endpoint.name);
  }
  std::string message = "proxy '" + name + "' has no endpoint '" + excerpt(endpoint_name, 200) + "'";
  const auto near = near_matches(endpoint_name, names, 5);
  if (!near.empty()) message += "; did you mean " + join(near, ", ") + "?";
  return Error(ErrorKind::resource_not_found, std::move(message));
}

asio::awaitable<json::value> Proxy::call(std::string endpoint_name, json::object arguments) const {
  const ProxyEndpoint endpoint = *find(endpoint_name).value();
  if (const auto valid = endpoint.parameters.validate(arguments); !valid) throw_error(valid.error());
  auto pending = call_http(endpoint.http, std::move(arguments));
  co_return co_await std::move(pending);
}

std::vector<Tool> Proxy::tools() const {
  std::vector<Tool> tools;
  for (const auto& endpoint : endpoints_)
    if (!endpoint.tool.empty())
      tools.push_back(http_tool(endpoint.tool, endpoint.description, endpoint.parameters, *endpoint.http));
  return tools;
}

json::object Proxy::info() const {
  json::array list;
  for (const auto& endpoint : endpoints_) {
    json::object row{{"name", json::string(endpoint.name)},
                     {"method", json::string(endpoint.http->method)},
                     {"url", json::string(endpoint.http->url)},
                     {"description", json::string(endpoint.description)},
                     {"parameters", endpoint.parameters.value()}};
    if (!endpoint.tool.empty()) row["tool"] = json::string(endpoint.tool);
    list.push_back(std::move(row));
  }
  json::object about{{"name", json::string(name)},
                     {"description", json::string(description)},
                     {"base_url", json::string(base_url)},
                     {"endpoints", std::move(list)}};
  if (!defaults.auth.env.empty())
    about["auth"] = json::string(defaults.auth.header + " from $" + defaults.auth.env);
  return about;
}

Result<Proxy> parse_proxy_file(const std::string& path, Syntax syntax, std::string_view bytes,
                               std::vector<Error>* others) {
  const auto read = [&](const TableReader& root) {
    root.only({"base_url", "description", "auth", "headers", "timeout", "max_bytes", "private_addresses",
               "endpoints"});
    Proxy proxy(path.substr(path.rfind('/') + 1), root.required_text("base_url"));
    proxy.description = root.text("description");
    proxy.defaults.auth = read_auth(root);
    proxy.defaults.headers = root.pairs("headers");
    proxy.defaults.timeout = root.seconds("timeout", proxy.defaults.timeout);
    proxy.defaults.max_bytes = static_cast<std::size_t>(root.integer(
        "max_bytes", static_cast<std::int64_t>(proxy.defaults.max_bytes), 1, std::int64_t{1} << 30));
    proxy.defaults.private_addresses = root.flag("private_addresses", false);
    HttpBackend base = proxy.defaults;
    base.url = proxy.base_url;
    const auto before = root.mistakes();
    check_http(root, "base_url", base, Schema());
    if (root.mistakes() > before) {  // every endpoint stands on these: it is told once
      proxy.base_url.clear();
      proxy.defaults.headers.clear();
    }
    const auto endpoints = root.table("endpoints");
    for (const auto& [name, value] : endpoints.data())
      proxy.add(read_endpoint(endpoints.table(name), std::string(name), proxy));
    if (proxy.endpoints().empty() && root.has("endpoints"))
      root.fail("endpoints", "a proxy needs at least one [endpoints.NAME]");
    return proxy;
  };
  return read_table_document(syntax, bytes, read, others);
}

}  // namespace lllm
