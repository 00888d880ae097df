#pragma once

#include <boost/asio/awaitable.hpp>

namespace lllm {

namespace asio = boost::asio;

/// The whole of a small program: runs `program` on an io_context of one thread until it is done.
/// @returns  0; 1 when it threw, and the Error is on standard error in one line; 130 after Ctrl-C, which
/// cancels it.
int run(asio::awaitable<void> program);

}  // namespace lllm
