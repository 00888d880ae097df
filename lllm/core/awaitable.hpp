#pragma once

#include <boost/asio/awaitable.hpp>

namespace lllm {
namespace asio = boost::asio;
}
