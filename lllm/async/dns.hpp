#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>

#include "lllm/base/error.hpp"

namespace lllm {

namespace asio = boost::asio;

using Addresses = std::vector<asio::ip::address>;

/// A blocking look-up: all addresses of a host, in the order to try them. Runs on a helper thread.
using HostLookup = std::function<Result<Addresses>(const std::string& host)>;

/// The system's (getaddrinfo). `dns_failed` names the host and the reason.
Result<Addresses> system_lookup(const std::string& host);

/// False for loopback, private, link-local (with the cloud metadata addresses), multicast, documentation and
/// other special-purpose addresses (RFC 6890): nothing that a URL given by a stranger may reach.
bool is_public(const asio::ip::address& address);

/// Host names to addresses, off the loop. Confined to its executor.
///
/// A running getaddrinfo cannot be stopped, so it belongs to a helper thread that nobody joins: a look-up
/// that hangs holds neither its caller, nor other hosts, nor the end of the program. Waiters for one host
/// share a look-up.
class DnsResolver {
 public:
  DnsResolver(asio::any_io_executor executor, HostLookup lookup, std::chrono::milliseconds keep_for);
  ~DnsResolver();
  DnsResolver(const DnsResolver&) = delete;
  DnsResolver& operator=(const DnsResolver&) = delete;

  /// The addresses of `host`; one written as an address is itself. Never empty.
  /// @param give_up  When to stop waiting: then `dns_failed` with code timed_out.
  /// @throws Exception `dns_failed`, `cancelled` when the resolver is destroyed.
  /// Cancellation: terminal; the look-up goes on for other waiters.
  asio::awaitable<Addresses> resolve(std::string host, std::chrono::steady_clock::time_point give_up);

 private:
  struct Lookup;
  struct Known {
    Addresses addresses;
    std::chrono::steady_clock::time_point until;
  };
  static void finish(const std::shared_ptr<Lookup>& lookup);

  asio::any_io_executor executor_;
  HostLookup lookup_;
  std::chrono::milliseconds keep_for_;
  std::shared_ptr<std::unordered_map<std::string, Known>> cache_;
  std::unordered_map<std::string, std::weak_ptr<Lookup>> running_;
};

}  // namespace lllm
