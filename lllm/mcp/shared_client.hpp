#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "lllm/mcp/client.hpp"

namespace lllm {

/// The client for a server that all of an io_context share: made for the first who asks, and kept until the
/// context ends, which kills the server's child. Any thread may ask and call.
/// @throws Exception as McpClient.
std::shared_ptr<McpClient> shared_mcp_client(const asio::any_io_executor& executor,
                                             const McpEndpoint& server);

}  // namespace lllm
