#pragma once

#include <functional>

#include <boost/asio/io_context.hpp>

#include "lllm/core/awaitable.hpp"

namespace lllm::cli {

/// Runs one operation on `context` until it is done. The first Ctrl-C cancels it; the second ends the process
/// with status 130. Returns false when it was cancelled by Ctrl-C; rethrows everything else.
bool run_interruptible(asio::io_context& context, asio::awaitable<void> operation);

}  // namespace lllm::cli
