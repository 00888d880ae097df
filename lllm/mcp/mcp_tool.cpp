// How a tool that a package declares under [mcp] runs.
#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>

#include "lllm/mcp/client.hpp"
#include "lllm/runtime/backends.hpp"

namespace lllm {
namespace {

/// The clients of all declared tools that run on one io_context, one for each server, so that a package's
/// tools share their child. They end with the context. On strands, because several threads may run it.
class McpClients final : public asio::execution_context::service {
 public:
  using key_type = McpClients;
  static const asio::execution_context::id id;

  explicit McpClients(asio::execution_context& context) : service(context) {}

  std::shared_ptr<McpClient> client(const asio::any_io_executor& executor, const McpEndpoint& server) {
    const std::lock_guard lock(mutex_);
    const auto known = std::find_if(clients_.begin(), clients_.end(),
                                    [&](const auto& client) { return client.first == server; });
    if (known != clients_.end()) return known->second;
    const auto strand =
        asio::make_strand(asio::prefer(executor, asio::execution::outstanding_work.untracked));
    auto made = std::make_shared<McpClient>(strand, McpClientOptions(server));
    clients_.emplace_back(server, made);
    return made;
  }

 private:
  void shutdown() override { clients_.clear(); }

  std::mutex mutex_;
  std::vector<std::pair<McpEndpoint, std::shared_ptr<McpClient>>> clients_;
};

const asio::execution_context::id McpClients::id;

}  // namespace

asio::awaitable<ToolResult> run_mcp(std::shared_ptr<const McpBackend> backend, json::object arguments) {
  const auto executor = co_await asio::this_coro::executor;
  auto& context = asio::query(executor, asio::execution::context);
  auto pending = asio::use_service<McpClients>(context)
                     .client(executor, backend->server)
                     ->call_tool(backend->tool, std::move(arguments), backend->timeout);
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
