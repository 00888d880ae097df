#include "lllm/mcp/shared_client.hpp"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

#include "lllm/async/strand.hpp"

namespace lllm {
namespace {

/// One client for each server, so that a package's tools share their child. On strands, because several
/// threads may run the context.
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
    auto made = std::make_shared<McpClient>(strand_on(executor), McpClientOptions(server));
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

std::shared_ptr<McpClient> shared_mcp_client(const asio::any_io_executor& executor,
                                             const McpEndpoint& server) {
  auto& context = asio::query(executor, asio::execution::context);
  return asio::use_service<McpClients>(context).client(executor, server);
}

}  // namespace lllm
