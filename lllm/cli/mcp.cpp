#include <cstdio>
#include <memory>

#include "lllm/base/json.hpp"
#include "lllm/base/text.hpp"
#include "lllm/cli/command.hpp"
#include "lllm/cli/run_interruptible.hpp"
#include "lllm/cli/terminal.hpp"
#include "lllm/mcp/client.hpp"

namespace lllm::cli {
namespace {

struct Arguments {
  std::vector<std::string> server;  // a URL, or a program and its arguments
  std::vector<std::string> pass_env;
  std::string key_variable;
  double seconds = 60;
  bool json = false;
};

McpClientOptions options_of(const Arguments& args) {
  McpClientOptions options;
  options.timeout = options.start_timeout = std::chrono::milliseconds(static_cast<long>(args.seconds * 1000));
  McpEndpoint& server = options.server;
  if (args.server.size() == 1 && args.server.front().find("://") != std::string::npos) {
    server.url = args.server.front();
    server.private_addresses = true;  // whoever types it knows where it leads
    if (!args.key_variable.empty()) server.auth = AuthHeader("Authorization", args.key_variable, "Bearer ");
  } else {
    server.command = args.server;
    server.pass_environment = args.pass_env;
    server.pass_environment.insert(server.pass_environment.end(), {"HOME", "USER", "LANG"});
  }
  return options;
}

/// What a server says drives no terminal.
std::string shown(const std::string& text) {
  return stdout_is_terminal() ? strip_terminal_escapes(text) : text;
}

void print(const McpServerInfo& info, const std::vector<Tool>& tools, bool as_json) {
  if (as_json) {
    json::array rows;
    for (const auto& tool : tools)
      rows.push_back(json::object{{"name", json::string(tool.name())},
                                  {"description", json::string(tool.description())},
                                  {"parameters", tool.parameters().value()}});
    const json::object all{{"name", json::string(info.name)},
                           {"version", json::string(info.version)},
                           {"protocol_version", json::string(info.protocol_version)},
                           {"tools", std::move(rows)}};
    std::printf("%s\n", to_pretty_json(all).c_str());
    return;
  }
  for (const auto& tool : tools) {
    const auto& description = tool.description();
    const auto first_line = excerpt(trim(description.substr(0, description.find('\n'))), 160);
    std::printf("%-24s %s\n", shown(tool.name()).c_str(), shown(first_line).c_str());
  }
}

asio::awaitable<void> list_tools(Arguments args) {
  McpClient client(co_await asio::this_coro::executor, options_of(args));
  auto asking = client.server_info();
  const auto info = co_await std::move(asking);
  auto listing = client.tools();
  const auto tools = co_await std::move(listing);
  print(info, tools, args.json);
  auto closing = client.close();
  co_await std::move(closing);
}

}  // namespace

void add_mcp(CLI::App& app, Outcome& outcome) {
  auto args = std::make_shared<Arguments>();
  auto* mcp = app.add_subcommand("mcp", "Look at servers of the Model Context Protocol");
  mcp->require_subcommand(1);
  auto* tools = mcp->add_subcommand(
      "tools", "List a server's tools: lllm mcp tools URL, or lllm mcp tools -- PROGRAM ARGUMENT...");
  tools->add_option("server", args->server, "Its URL, or the program that is the server, and its arguments")
      ->required();
  tools->add_option("--key-env", args->key_variable, "The variable that holds its bearer token");
  tools->add_option("--pass-env", args->pass_env, "A variable that the program gets, beside PATH and HOME")
      ->allow_extra_args(false);
  tools->add_option("--timeout", args->seconds, "Seconds for each request")
      ->check(CLI::Range(0.001, 86400.0));
  tools->add_flag("--json", args->json, "Print JSON");
  tools->callback([args, &outcome] {
    asio::io_context context(1);
    if (!run_interruptible(context, list_tools(*args))) outcome.exit_code = 130;
  });
}

}  // namespace lllm::cli
