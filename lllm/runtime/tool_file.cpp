#include "lllm/runtime/tool_file.hpp"

#include <algorithm>
#include <filesystem>

#include "lllm/base/text.hpp"
#include "lllm/formats/http_message.hpp"
#include "lllm/formats/url.hpp"

namespace lllm {
namespace {

constexpr std::int64_t most_bytes = std::int64_t{1} << 30;

HttpBackend read_http(const TableReader& table, const Schema& parameters) {
  table.only({"url", "method", "query", "headers", "body", "auth", "result", "timeout", "max_bytes",
              "private_addresses"});
  HttpBackend http;
  http.url = table.required_text("url");
  http.method = read_method(table);
  http.query = table.pairs("query");
  http.headers = table.pairs("headers");
  const auto body = table.text("body", "json");
  if (body != "json" && body != "form") table.fail("body", "'http.body' must be \"json\" or \"form\"");
  http.form = body == "form";
  http.auth = read_auth(table);
  http.result = table.text("result");
  if (!http.result.empty() && http.result.front() != '/')
    table.fail("result", "'http.result' must be a JSON pointer such as \"/data/0\"");
  http.timeout = table.seconds("timeout", http.timeout);
  http.max_bytes = static_cast<std::size_t>(
      table.integer("max_bytes", static_cast<std::int64_t>(http.max_bytes), 1, most_bytes));
  http.private_addresses = table.flag("private_addresses", false);
  check_http(table, "url", http, parameters);
  return http;
}

/// Every placeholder must be an argument that the model can give.
void check_placeholders(const TableReader& table, std::string_view key, std::string_view text,
                        const Schema& parameters) {
  const auto* properties = object_at(parameters.value(), "properties");
  for (const auto& name : placeholders(text)) {
    const auto outer = name.substr(0, name.find('.'));
    if (properties == nullptr || find(*properties, outer) == nullptr)
      table.fail(key, "'{" + name + "}' is no property of 'parameters'");
  }
}

void check_header(const TableReader& table, std::string_view name, std::string_view value) {
  HttpRequest request("GET", Origin("https", "localhost", 443), "/");
  request.headers.add(name, value);
  if (const auto good = check_request(request); !good) table.fail("headers", good.error().message());
}

/// What goes into query and headers, whatever the URL is.
void check_arguments(const TableReader& table, const HttpBackend& backend, const Schema& parameters) {
  for (const auto& [name, value] : backend.query) check_placeholders(table, "query", value, parameters);
  for (const auto& [name, value] : backend.headers) {
    check_placeholders(table, "headers", value, parameters);
    check_header(table, name, value);
  }
}

/// A program's, which is relative to the folder of the file.
std::string read_directory(const TableReader& table, const std::string& folder) {
  const std::filesystem::path directory = table.text("directory");
  return (std::filesystem::path(folder) / directory).lexically_normal().string();
}

std::vector<std::pair<std::string, std::string>> read_environment(const TableReader& table,
                                                                  const std::string& improper) {
  auto variables = table.pairs("env");
  for (const auto& [name, value] : variables)
    if (name.empty() || name.find('=') != name.npos || has_control_break(name + value))
      table.fail("env", improper);
  return variables;
}

ExecBackend read_exec(const TableReader& table, const Schema& parameters, const std::string& folder) {
  table.only({"argv", "directory", "env", "pass_env", "input", "timeout", "max_output", "max_memory"});
  ExecBackend exec;
  exec.argv = table.texts("argv");
  if (exec.argv.empty() || exec.argv.front().empty())
    table.fail(table.has("argv") ? "argv" : "", "'exec.argv' must name a program");
  else if (!placeholders(exec.argv.front()).empty())
    table.fail("argv", "the program in 'exec.argv' must be fixed: an argument may not choose it");
  for (const auto& part : exec.argv) {
    if (part.find('\0') != part.npos) table.fail("argv", "'exec.argv' holds NUL");
    if (&part != &exec.argv.front()) check_placeholders(table, "argv", part, parameters);
  }
  exec.directory = read_directory(table, folder);
  exec.environment = read_environment(table, "'exec.env' holds no proper variables");
  exec.pass_environment = table.texts("pass_env");
  const auto input = table.text("input", "json");
  if (input != "json" && input != "none") table.fail("input", "'exec.input' must be \"json\" or \"none\"");
  exec.json_input = input == "json";
  exec.timeout = table.seconds("timeout", exec.timeout);
  exec.max_output = static_cast<std::size_t>(
      table.integer("max_output", static_cast<std::int64_t>(exec.max_output), 1, most_bytes));
  exec.max_memory =
      static_cast<std::uint64_t>(table.integer("max_memory", 0, 1, std::numeric_limits<std::int64_t>::max()));
  return exec;
}

void check_mcp_url(const TableReader& table, const std::string& text) {
  const auto url = parse_url(text);
  if (!url)
    table.fail("url", "'mcp.url': " + url.error().message());
  else if (!url->user.empty() || !url->password.empty())
    table.fail("url", "the URL holds credentials: name a variable in 'auth' instead");
}

McpBackend read_mcp(const TableReader& table, const std::string& name, const std::string& folder) {
  table.only({"url", "headers", "auth", "private_addresses", "command", "directory", "env", "pass_env",
              "tool", "timeout"});
  McpBackend mcp;
  McpEndpoint& server = mcp.server;
  server.url = table.text("url");
  server.command = table.texts("command");
  mcp.tool = table.text("tool", name);
  mcp.timeout = table.seconds("timeout", mcp.timeout);
  const bool named = !table.refused("url") && !table.refused("command");
  if (server.url.empty() == server.command.empty()) {
    if (named) table.fail("", "'mcp' needs either 'url' or 'command' of its server");
    return mcp;
  }
  const bool is_child = server.url.empty();
  const auto for_children = {"directory", "env", "pass_env"};
  const auto for_urls = {"headers", "auth", "private_addresses"};
  for (const auto* key : is_child ? for_urls : for_children)
    if (table.has(key))
      table.fail(key, std::string("'mcp.") + key + "' is of no use beside '" +
                          (is_child ? "command" : "url") + '\'');
  if (is_child) {
    for (const auto& part : server.command)
      if (part.find('\0') != part.npos) table.fail("command", "'mcp.command' holds NUL");
    if (server.command.front().empty()) table.fail("command", "'mcp.command' must name a program");
    server.directory = read_directory(table, folder);
    server.environment = read_environment(table, "'mcp.env' holds no proper variables");
    server.pass_environment = table.texts("pass_env");
    return mcp;
  }
  check_mcp_url(table, server.url);
  server.headers = table.pairs("headers");
  for (const auto& [header, value] : server.headers) check_header(table, header, value);
  server.auth = read_auth(table);
  server.private_addresses = table.flag("private_addresses", false);
  return mcp;
}

DeclaredTool read_tool(const TableReader& table, const std::string& path, const std::string& folder) {
  table.only({"name", "description", "parameters", "http", "exec", "mcp"});
  DeclaredTool declared;
  const auto file_name = path.substr(path.rfind('/') + 1);
  const auto name = table.text("name", file_name);
  check_tool_name(table, "name", name);
  declared.path = name == file_name ? path : path + '/' + name;
  const auto description = table.text("description");
  const auto parameters = table.parameters("parameters");
  std::vector<std::string> backends;
  for (const auto* backend : {"http", "exec", "mcp"})
    if (table.has(backend)) backends.emplace_back(backend);
  if (backends.size() != 1) {
    table.fail(backends.empty() ? "" : backends.back(),
               "tool '" + name + "' needs exactly one backend: [http], [exec] or [mcp]");
    if (backends.empty()) return declared;
  }
  declared.backend = backends.front();
  const auto below = table.table(declared.backend);
  if (declared.backend == "http")
    declared.tool = http_tool(name, description, parameters, read_http(below, parameters));
  else if (declared.backend == "exec")
    declared.tool = exec_tool(name, description, parameters, read_exec(below, parameters, folder));
  else
    declared.tool = mcp_tool(name, description, parameters, read_mcp(below, name, folder));
  return declared;
}

}  // namespace

std::string read_method(const TableReader& table) {
  const auto method = table.text("method", "GET");
  for (const auto* known : {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})
    if (iequals(method, known)) return known;
  table.fail("method", "'" + method + "' is no method (GET, POST, PUT, PATCH, DELETE, HEAD)");
  return "GET";
}

AuthHeader read_auth(const TableReader& owner) {
  AuthHeader auth;
  if (!owner.has("auth")) return auth;
  const auto table = owner.table("auth");
  table.only({"env", "header", "prefix"});
  auth.env = table.required_text("env");
  auth.header = table.text("header", "Authorization");
  auth.prefix = table.text("prefix", iequals(auth.header, "Authorization") ? "Bearer " : "");
  if (!is_http_token(auth.header)) table.fail("header", "'auth.header' is no header's name");
  if (has_control_break(auth.prefix)) table.fail("prefix", "'auth.prefix' holds a line break");
  if (auth.env.find('=') != auth.env.npos || has_control_break(auth.env))
    table.fail("env", "'auth.env' is no variable's name");
  return auth;
}

void check_http(const TableReader& table, std::string_view key, const HttpBackend& backend,
                const Schema& parameters) {
  check_arguments(table, backend, parameters);
  if (backend.url.empty()) return;  // as it was found missing
  const auto scheme = backend.url.find("://");
  const auto authority =
      backend.url.substr(0, backend.url.find('/', scheme == std::string::npos ? 0 : scheme + 3));
  if (!placeholders(authority).empty())
    return table.fail(key, "the host must be fixed: an argument may only stand in the path");
  if (backend.url.find_first_of("?#") != std::string::npos)
    table.fail(key, "the URL may not hold '?' or '#': a query is written in 'query'");
  std::string filled = backend.url;
  for (const auto& name : placeholders(backend.url)) filled = replace_all(filled, '{' + name + '}', "x");
  const auto url = parse_url(filled);
  if (!url) return table.fail(key, url.error().message());
  if (!url->user.empty() || !url->password.empty())
    table.fail(key, "the URL holds credentials: name a variable in 'auth' instead");
  check_placeholders(table, key, backend.url, parameters);
}

void check_tool_name(const TableReader& table, std::string_view key, const std::string& name) {
  if (!is_tool_name(name))
    table.fail(table.has(key) ? key : "",
               "'" + excerpt(name, 80) + "' is no tool's name: letters, digits, '_' and '-', at most 64");
}

Result<std::vector<DeclaredTool>> parse_tool_file(const std::string& path, const std::string& folder,
                                                  Syntax syntax, std::string_view bytes,
                                                  std::vector<Error>* others) {
  const auto read = [&](const TableReader& root) {
    std::vector<DeclaredTool> tools;
    if (!root.has("tool")) {
      tools.push_back(read_tool(root, path, folder));
      return tools;
    }
    root.only({"tool"});
    for (const auto& table : root.tables("tool")) tools.push_back(read_tool(table, path, folder));
    if (tools.empty()) root.fail("tool", "a file of tools holds [[tool]] tables");
    return tools;
  };
  return read_table_document(syntax, bytes, read, others);
}

}  // namespace lllm
