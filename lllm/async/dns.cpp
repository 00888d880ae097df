#include "lllm/async/dns.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace lllm {
namespace {

namespace ip = asio::ip;
using Clock = std::chrono::steady_clock;

/// Threads that nobody joins. The object is never destroyed: a thread may sit in getaddrinfo when the program
/// ends.
class Helpers {
 public:
  static Helpers& instance() {
    static auto* const helpers = new Helpers;
    return *helpers;
  }

  /// @throws what keeps the first thread from starting: the job will not be run then.
  void run(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    if (resting_ >= jobs_.size() || threads_ == most_threads) {
      wake_.notify_one();
      return;
    }
    try {
      std::thread([this] { work(); }).detach();
      ++threads_;
    } catch (...) {
      if (threads_ > 0) return;  // the job waits for one of those that there are
      jobs_.pop_back();
      throw;
    }
  }

 private:
  static constexpr std::size_t most_threads = 32;  // so many hosts may hang before the next has to wait

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      ++resting_;
      const bool called = wake_.wait_for(lock, std::chrono::seconds(10), [this] { return !jobs_.empty(); });
      --resting_;
      if (!called) break;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      try {
        job();
      } catch (...) {  // no memory to tell the outcome: who waits for it has a time limit
      }
      job = nullptr;
      lock.lock();
    }
    --threads_;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::size_t threads_ = 0;
  std::size_t resting_ = 0;
};

bool is_special(const ip::address_v4& address) {
  const auto in = [value = address.to_uint()](std::uint32_t network, int bits) {
    return (value >> (32 - bits)) == (network >> (32 - bits));
  };
  return in(0x00000000, 8) || in(0x0A000000, 8) || in(0x64400000, 10) || in(0x7F000000, 8) ||
         in(0xA9FE0000, 16) || in(0xAC100000, 12) || in(0xC0000000, 24) || in(0xC0000200, 24) ||
         in(0xC0586300, 24) || in(0xC0A80000, 16) || in(0xC6120000, 15) || in(0xC6336400, 24) ||
         in(0xCB007100, 24) || in(0xE0000000, 4) || in(0xF0000000, 4);
}

bool is_special(const ip::address_v6& address) {
  if (address.is_v4_mapped()) return is_special(ip::make_address_v4(ip::v4_mapped, address));
  const auto b = address.to_bytes();
  // The well-known NAT64 prefix 64:ff9b::/96, 64:ff9b:1::/48 and 6to4 2002::/16 carry an IPv4 address that a
  // gateway would reach for us; only 2000::/3 is global unicast at all.
  if (b[0] == 0x00 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b) {
    if (b[4] != 0 || b[5] != 0) return true;
    return is_special(ip::address_v4({b[12], b[13], b[14], b[15]}));
  }
  if (b[0] == 0x20 && b[1] == 0x02) return is_special(ip::address_v4({b[2], b[3], b[4], b[5]}));
  if ((b[0] & 0xE0) != 0x20) return true;
  const bool documentation = b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8;
  const bool teredo_and_kin = b[0] == 0x20 && b[1] == 0x01 && b[2] < 0x02;  // 2001::/23
  return documentation || teredo_and_kin;
}

}  // namespace

bool is_public(const ip::address& address) {
  return address.is_v4() ? !is_special(address.to_v4()) : !is_special(address.to_v6());
}

Result<Addresses> system_lookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0)
    return Error(ErrorKind::dns_failed, "host '" + host + "' has no address: " + ::gai_strerror(status));
  Addresses addresses;
  for (const addrinfo* item = found; item != nullptr; item = item->ai_next) {
    if (item->ai_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, item->ai_addr, sizeof v4);
      addresses.emplace_back(asio::ip::address_v4(ntohl(v4.sin_addr.s_addr)));
    } else if (item->ai_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, item->ai_addr, sizeof v6);
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
      addresses.emplace_back(asio::ip::address_v6(bytes, v6.sin6_scope_id));
    }
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) return Error(ErrorKind::dns_failed, "host '" + host + "' has no address");
  return addresses;
}

/// One look-up and those who wait for it. The helper thread touches only what the mutex guards.
struct DnsResolver::Lookup {
  std::mutex mutex;
  asio::any_io_executor executor;  // empty once nobody may be called any more
  Result<Addresses> result = Error(ErrorKind::cancelled, "the look-up was given up");

  // On the executor only:
  std::string host;
  bool done = false;
  std::chrono::milliseconds keep_for{0};
  std::weak_ptr<std::unordered_map<std::string, Known>> cache;
  std::vector<asio::steady_timer*> waiters;
};

namespace {

void start(std::function<void()> job, const std::string& host) {
  try {
    Helpers::instance().run(std::move(job));
  } catch (const std::system_error& failure) {
    throw_error(Error(ErrorKind::resource_exhausted,
                      "no thread to look up host '" + host + "': " + failure.code().message())
                    .code(failure.code()));
  }
}

}  // namespace

DnsResolver::DnsResolver(asio::any_io_executor executor, HostLookup lookup,
                         std::chrono::milliseconds keep_for)
    : executor_(std::move(executor)),
      lookup_(lookup ? std::move(lookup) : HostLookup(system_lookup)),
      keep_for_(keep_for),
      cache_(std::make_shared<std::unordered_map<std::string, Known>>()) {}

DnsResolver::~DnsResolver() {
  for (auto& [host, weak] : running_) {
    const auto lookup = weak.lock();
    if (!lookup) continue;
    {
      const std::lock_guard lock(lookup->mutex);
      lookup->executor = {};
    }
    lookup->done = true;
    for (asio::steady_timer* waiter : lookup->waiters) waiter->cancel();
  }
}

void DnsResolver::finish(const std::shared_ptr<Lookup>& lookup) {
  lookup->done = true;
  const auto cache = lookup->cache.lock();
  try {
    if (cache && lookup->result.has_value() && lookup->keep_for.count() > 0) {
      constexpr std::size_t most_hosts = 1024;
      if (cache->size() >= most_hosts) cache->clear();
      Known known{*lookup->result, Clock::now() + lookup->keep_for};
      cache->insert_or_assign(lookup->host, std::move(known));
    }
  } catch (const std::bad_alloc&) {  // not kept, then; those who wait must be told all the same
  }
  for (asio::steady_timer* waiter : lookup->waiters) waiter->cancel();
}

asio::awaitable<Addresses> DnsResolver::resolve(std::string host, Clock::time_point give_up) {
  boost::system::error_code no_address;
  const auto literal = asio::ip::make_address(host, no_address);
  if (!no_address) co_return Addresses{literal};
  if (const auto known = cache_->find(host); known != cache_->end()) {
    if (Clock::now() < known->second.until) co_return known->second.addresses;
    cache_->erase(known);
  }

  std::erase_if(running_, [](const auto& entry) { return entry.second.expired(); });
  auto lookup = running_[host].lock();
  if (!lookup || lookup->done) {
    lookup = std::make_shared<Lookup>();
    lookup->executor = executor_;
    lookup->host = host;
    lookup->keep_for = keep_for_;
    lookup->cache = cache_;
    running_[host] = lookup;
    auto look_up = [lookup, resolve = lookup_, host] {
      Result<Addresses> result = Error(ErrorKind::dns_failed, "host '" + host + "' could not be looked up");
      try {
        result = resolve(host);
      } catch (...) {
        result = error_from(std::current_exception());
      }
      const std::lock_guard lock(lookup->mutex);
      if (!lookup->executor) return;  // its resolver is gone, and perhaps its context too
      lookup->result = std::move(result);
      asio::post(lookup->executor, [lookup] { DnsResolver::finish(lookup); });
      lookup->executor = {};
    };
    start(std::move(look_up), host);
  }

  const asio::any_io_executor executor = executor_;
  asio::steady_timer timer(executor, give_up);
  struct Waiting {
    Lookup& lookup;
    asio::steady_timer* timer;
    ~Waiting() { std::erase(lookup.waiters, timer); }
  };
  lookup->waiters.push_back(&timer);
  const Waiting waiting{*lookup, &timer};
  // `this` may be gone from here on.
  auto wait = timer.async_wait(asio::as_tuple(asio::deferred));
  const auto [failure] = co_await std::move(wait);
  if (lookup->done) {
    if (lookup->result.has_error()) throw_error(lookup->result.error());
    co_return *lookup->result;
  }
  if (failure) throw_error(ErrorKind::cancelled, "the call was cancelled");
  throw_error(Error(ErrorKind::dns_failed, "looking up host '" + host + "' took too long")
                  .code(asio::error::make_error_code(asio::error::timed_out)));
}

}  // namespace lllm
