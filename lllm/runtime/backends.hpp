#pragma once

// What a package can declare a tool to do, and the seam to the code that does it: the functions at the end
// are declared here, where packages are read, and defined in the layers above (tools/, mcp/), which have the
// network and processes.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"
#include "lllm/core/awaitable.hpp"
#include "lllm/core/tool.hpp"

namespace lllm {

/// How a request proves who it is from: a header whose value comes out of the environment when the call is
/// made, and is kept nowhere.
struct AuthHeader {
  AuthHeader() = default;
  AuthHeader(std::string header_name, std::string variable, std::string value_prefix)
      : header(std::move(header_name)), env(std::move(variable)), prefix(std::move(value_prefix)) {}
  std::string header;  ///< empty: no authentication
  std::string env;     ///< the variable's name; `configuration` at the call when it is not set
  std::string prefix;  ///< before the value: "Bearer "
  friend bool operator==(const AuthHeader&, const AuthHeader&) = default;
};

/// A request over HTTP. `{name}` stands for an argument, in the URL's path, the query and the headers; an
/// argument can never change the host. Arguments that stand nowhere go into the query (GET, HEAD, DELETE) or
/// into a JSON body. Redirects are not followed, certificates are always verified.
struct HttpBackend {
  HttpBackend() = default;
  std::string method = "GET";
  std::string url;  ///< "https://host/v1/items/{id}"
  /// One whose argument was not given is left out.
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;
  bool form = false;  ///< the body is a form instead of JSON
  AuthHeader auth;
  std::string result;  ///< RFC 6901: the part of a JSON answer that matters; empty: all of it
  std::chrono::milliseconds timeout{30'000};
  std::size_t max_bytes = 1 << 20;  ///< of the answer; a longer one is `limit_exceeded`
  /// Whether the host may lead to a private, local or reserved address. Without it that is
  /// `permission_denied`, checked on the address connected to, and the process's HTTP proxies are not used.
  bool private_addresses = false;
};

/// A program, run without a shell. `{name}` inside an element of `argv` stands for an argument, and stays
/// inside that element whatever it holds.
struct ExecBackend {
  ExecBackend() = default;
  std::vector<std::string> argv;
  std::string directory;  ///< where it runs: a package's tool in the folder of its file
  std::vector<std::pair<std::string, std::string>> environment;  ///< its whole environment, beside PATH …
  std::vector<std::string> pass_environment;                     ///< … and these, as we have them
  bool json_input = true;  ///< the arguments as JSON on its standard input
  std::chrono::milliseconds timeout{60'000};
  std::size_t max_output = 64 * 1024;  ///< bytes kept; the rest is read and dropped
  std::uint64_t max_memory = 0;        ///< bytes of address space; 0: no limit
};

/// How an MCP server is reached: over streamable HTTP, or as a child process that is run without a shell.
struct McpEndpoint {
  McpEndpoint() = default;
  std::string url;                   ///< "https://host/mcp" …
  std::vector<std::string> command;  ///< … or argv; one of the two

  // Of a child.
  std::string directory;                                         ///< where it runs; empty: where we do
  std::vector<std::pair<std::string, std::string>> environment;  ///< its whole environment, beside PATH …
  std::vector<std::string> pass_environment;                     ///< … and these, as we have them

  // Over HTTP. Redirects are not followed, certificates are always verified.
  std::vector<std::pair<std::string, std::string>> headers;
  AuthHeader auth;
  bool private_addresses = false;  ///< as HttpBackend has it

  friend bool operator==(const McpEndpoint&, const McpEndpoint&) = default;
};

/// A tool of an MCP server.
struct McpBackend {
  McpBackend() = default;
  McpEndpoint server;
  std::string tool;  ///< its name there
  std::chrono::milliseconds timeout{60'000};
};

/// The names between braces, each once, in order.
std::vector<std::string> placeholders(std::string_view text);
/// The argument as text: strings as they are, other values as JSON.
std::string argument_text(const json::value& value);

// Defined in tools/ and mcp/. The awaitables throw Exception; Tool::call turns that into words for the model.

/// The answer, and JSON parsed. @throws Exception `tool_failed` for a status of 400 and more (with status and
/// an excerpt as provider text), `missing_variable`, `configuration`, `permission_denied`, what HttpClient
/// throws. Cancellation: terminal.
asio::awaitable<json::value> call_http(std::shared_ptr<const HttpBackend> backend, json::object arguments);
/// What the program wrote. A failed exit is a failed result. @throws Exception `deadline_exceeded`, what
/// run_process throws. Cancellation: terminal; the whole process group is killed.
asio::awaitable<ToolResult> run_exec(std::shared_ptr<const ExecBackend> backend, json::object arguments);
/// What the server's tool says. Servers are started, or connected to, by the first call; all tools of one
/// server that run on one io_context share it. @throws Exception `tool_failed` after the backend's timeout,
/// what McpClient::call_tool throws. Cancellation: terminal; the server is told.
asio::awaitable<ToolResult> run_mcp(std::shared_ptr<const McpBackend> backend, json::object arguments);
/// The tools of a plugin (tools/plugin.h), which stays loaded for the life of the process. Runs the plugin's
/// own code. Blocks. `bad_resource` for what is no plugin, `unsupported` for another version of the
/// interface.
Result<std::vector<Tool>> open_plugin(const std::string& file);

Tool http_tool(std::string name, std::string description, Schema parameters, HttpBackend backend);
Tool exec_tool(std::string name, std::string description, Schema parameters, ExecBackend backend);
Tool mcp_tool(std::string name, std::string description, Schema parameters, McpBackend backend);

}  // namespace lllm
