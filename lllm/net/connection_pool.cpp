#include "lllm/net/connection_pool.hpp"

#include <algorithm>
#include <iterator>
#include <new>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

namespace lllm {

struct ConnectionPool::Waiter {
  asio::steady_timer timer;
  Lease lease;
};

struct ConnectionPool::Host {
  struct Idle {
    std::unique_ptr<Connection> connection;
    Clock::time_point since;
  };
  std::vector<Idle> idle;  // the newest at the back: it is reused first, so that the others can age
  std::size_t leases = 0;
  std::deque<Waiter*> waiters;
};

namespace {

/// Makes room for one more; false when there is no memory. Destructors give connections back: they must not
/// throw.
template <class T>
bool has_room(std::vector<T>& items) noexcept {
  if (items.size() < items.capacity()) return true;
  try {
    items.reserve(std::max<std::size_t>(8, items.capacity() * 2));
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace

ConnectionPool::ConnectionPool(asio::any_io_executor executor, Limits limits)
    : executor_(std::move(executor)), limits_(limits) {}

ConnectionPool::~ConnectionPool() = default;

ConnectionPool::Lease::~Lease() {
  if (host_ == nullptr) return;
  drop_connection();
  --host_->leases;
  pool_->slot_freed(*host_);
}

void ConnectionPool::Lease::attach(std::unique_ptr<Connection> connection) {
  // It was through in the very turn in which the client went: nobody would close it any more.
  if (pool_->closed_) throw_error(ErrorKind::cancelled, "the HTTP client was closed");
  pool_->connections_.insert(connection.get());
  connection_ = std::move(connection);
  pool_->sweep();
}

void ConnectionPool::Lease::drop_connection() {
  if (connection_) pool_->forget(std::move(connection_));
}

void ConnectionPool::Lease::give_back() {
  if (host_ == nullptr) return;
  ConnectionPool* pool = std::exchange(pool_, nullptr);
  Host* host = std::exchange(host_, nullptr);
  pool->take_back(*host, std::move(connection_));
}

ConnectionPool::Host& ConnectionPool::host_of(const Origin& origin) {
  const auto found = hosts_.find(origin);
  if (found != hosts_.end()) return *found->second;
  return *hosts_.emplace(origin, std::make_unique<Host>()).first->second;
}

void ConnectionPool::forget(std::unique_ptr<Connection> connection) {
  connections_.erase(connection.get());
}

ConnectionPool::Lease ConnectionPool::try_acquire(const Origin& origin) {
  if (closed_) throw_error(ErrorKind::cancelled, "the HTTP client was closed");
  Host& host = host_of(origin);
  if (!host.waiters.empty()) return {};  // nobody overtakes
  if (limits_.connections_per_origin != 0 && host.leases >= limits_.connections_per_origin) return {};
  const auto now = Clock::now();
  drop_expired(host, now);
  ++host.leases;
  Lease lease(*this, host);
  while (!host.idle.empty() && !lease.connection_) {
    const auto rested = now - host.idle.back().since;
    auto connection = std::move(host.idle.back().connection);
    host.idle.pop_back();
    --idle_;
    if (connection->is_stale(rested))
      forget(std::move(connection));
    else
      lease.connection_ = std::move(connection);
  }
  return lease;
}

asio::awaitable<ConnectionPool::Lease> ConnectionPool::acquire(Origin origin, Clock::time_point deadline) {
  Host& host = host_of(origin);
  Waiter waiter{asio::steady_timer(executor_, deadline), Lease()};
  struct InLine {
    ConnectionPool& pool;
    Host& host;
    Waiter* waiter;
    ~InLine() {
      --pool.waiting_;
      std::erase(host.waiters, waiter);
    }
  };
  host.waiters.push_back(&waiter);
  ++waiting_;
  {
    const InLine in_line{*this, host, &waiter};
    auto wait = waiter.timer.async_wait(asio::as_tuple(asio::deferred));
    const auto [stopped] = co_await std::move(wait);
    if (!waiter.lease) {
      if (stopped) throw_error(ErrorKind::cancelled, "the call was cancelled");
      throw_error(
          ErrorKind::deadline_exceeded,
          "the deadline of the call ran out while it waited for a connection to " + origin.to_string());
    }
  }
  co_return std::move(waiter.lease);
}

void ConnectionPool::take_back(Host& host, std::unique_ptr<Connection> connection) {
  connection->rest();
  connection->release();
  if (!host.waiters.empty() && !closed_) {
    Waiter* next = host.waiters.front();
    host.waiters.pop_front();
    next->lease = Lease(*this, host);  // it takes over the place that the giver counted
    next->lease.connection_ = std::move(connection);
    next->timer.cancel();
    return;
  }
  --host.leases;
  if (closed_ || host.idle.size() >= limits_.idle_per_origin || !has_room(host.idle))
    return forget(std::move(connection));
  const auto now = Clock::now();
  host.idle.push_back({std::move(connection), now});
  ++idle_;
  drop_expired(host, now);
}

void ConnectionPool::slot_freed(Host& host) {
  if (closed_ || host.waiters.empty()) return;
  Waiter* next = host.waiters.front();
  host.waiters.pop_front();
  ++host.leases;
  next->lease = Lease(*this, host);
  next->timer.cancel();
}

void ConnectionPool::drop_expired(Host& host, Clock::time_point now) {
  if (host.idle.empty()) return;
  const auto oldest_kept = now - limits_.idle_age;
  auto fresh = host.idle.begin();
  while (fresh != host.idle.end() && fresh->since < oldest_kept) {
    forget(std::move(fresh->connection));
    --idle_;
    ++fresh;
  }
  if (fresh != host.idle.begin()) host.idle.erase(host.idle.begin(), fresh);
}

// A host that is not asked again would keep its connections, and its place, for ever; there is no timer to
// see to it.
void ConnectionPool::sweep() {
  const auto now = Clock::now();
  for (auto entry = hosts_.begin(); entry != hosts_.end();) {
    Host& host = *entry->second;
    drop_expired(host, now);
    const bool unused = host.leases == 0 && host.idle.empty() && host.waiters.empty();
    entry = unused ? hosts_.erase(entry) : std::next(entry);
  }
}

void ConnectionPool::close_idle() {
  for (auto& [origin, host] : hosts_) {
    for (auto& idle : host->idle) forget(std::move(idle.connection));
    idle_ -= host->idle.size();
    host->idle.clear();
  }
}

void ConnectionPool::close() {
  closed_ = true;
  close_idle();
  for (Connection* connection : connections_) connection->close();
  for (auto& [origin, host] : hosts_)
    for (Waiter* waiter : host->waiters) waiter->timer.cancel();
}

}  // namespace lllm
