// What nearly every source of lllm pulls in, parsed once. Nothing may rely on it: every file includes what
// it uses, and the header test compiles each header alone.
#ifndef LLLM_PCH_HPP
#define LLLM_PCH_HPP  // not "pragma once": g++ warns about it in a precompiled header
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <boost/system/result.hpp>
#endif
