// How a tool that a package declares under [mcp] runs.
#include <boost/asio/this_coro.hpp>

#include "lllm/mcp/shared_client.hpp"
#include "lllm/runtime/backends.hpp"

namespace lllm {

asio::awaitable<ToolResult> run_mcp(std::shared_ptr<const McpBackend> backend, json::object arguments) {
  const auto client = shared_mcp_client(co_await asio::this_coro::executor, backend->server);
  auto pending = client->call_tool(backend->tool, std::move(arguments), backend->timeout);
  try {
    co_return co_await std::move(pending);
  } catch (const Exception& failure) {
    const Error& error = failure.error();
    if (!error.provider_code().empty()) co_return mcp_failure(error);
    // The call's own limit is the tool's failure, which the model may hear of; the caller's deadline is not.
    if (error.kind() != ErrorKind::deadline_exceeded) throw;
    throw_error(Error(ErrorKind::tool_failed,
                      error.message() + " (" + std::to_string(backend->timeout.count()) + " ms)")
                    .provider_text(error.provider_text()));
  }
}

}  // namespace lllm
