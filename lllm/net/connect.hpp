#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "lllm/async/dns.hpp"

namespace lllm {

/// Connects to the first of `addresses` that answers: both address families in turn, the next one begun when
/// the one before has failed or has not answered for 250 ms (RFC 8305, "Happy Eyeballs").
/// @param give_up  When to stop.
/// @param peer     For messages: "api.openai.com:443".
/// @param stop     Ends it with `cancelled`; requested on the executor.
/// @throws Exception connect_failed (every address refused; the last reason is named), connect_timeout,
///         resource_exhausted (no file descriptor left), cancelled.
/// Cancellation: terminal; all attempts are closed.
asio::awaitable<asio::ip::tcp::socket> connect_any(asio::any_io_executor executor, Addresses addresses,
                                                   std::uint16_t port,
                                                   std::chrono::steady_clock::time_point give_up,
                                                   std::string peer, std::stop_token stop = {});

/// The order in which connect_any tries them: families alternate, the first address's family first.
Addresses interleave_families(const Addresses& addresses);

}  // namespace lllm
