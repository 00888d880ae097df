#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include <boost/system/system_error.hpp>

#include "lllm/formats/http_reader.hpp"
#include "lllm/formats/inflate.hpp"
#include "lllm/net/connection_pool.hpp"
#include "lllm/net/http_client.hpp"

namespace lllm {

/// What an exchange is made of: the client sends with it, the exchange reads.
struct HttpExchange::State {
  State(std::shared_ptr<const void> client_core, const HttpClientOptions& options, std::string_view method,
        std::chrono::milliseconds idle_limit)
      : owner(std::move(client_core)),
        idle(idle_limit),
        max_decoded_body(options.max_decoded_body),
        reader(method, options.limits) {}
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Reads what is in hand of the head. True when it is complete; false: more bytes are needed.
  bool head_in_hand();
  /// Sees to it that a packed body is unpacked; for a coding that nobody asked for, that reading it fails.
  void unpack();
  std::string_view unpack_some();
  void finish();

  std::shared_ptr<const void> owner;  // of the pool; first: the lease needs it to the last
  ConnectionPool::Lease lease;
  std::chrono::milliseconds idle;
  std::size_t max_decoded_body;
  HttpTimings timings;
  bool reusable = true;
  bool finished = false;
  HttpResponseReader reader;

  // Only for packed bodies.
  static constexpr std::size_t unpacked_size = 32 * 1024;
  std::unique_ptr<Inflater> inflater;
  std::unique_ptr<char[]> unpacked;
  std::string_view packed;                  // in the connection's buffer
  std::unique_ptr<const Error> unreadable;  // the head is good all the same, and has a status to tell
};

/// Throws lllm's own error for Asio's. Only where `failure` is being handled.
[[noreturn]] void throw_exchange_failure(const boost::system::system_error& failure);

}  // namespace lllm
