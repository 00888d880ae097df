#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "lllm/formats/url.hpp"
#include "lllm/net/connection.hpp"

namespace lllm {

/// Connections by origin: kept when they may serve again, counted against a limit, handed out first come,
/// first served. Confined to its executor; it must outlive its leases.
class ConnectionPool {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    std::size_t connections_per_origin;  // 0: no limit
    std::size_t idle_per_origin;
    std::chrono::milliseconds idle_age;
  };
  struct Host;

  /// The right to one connection of a host, with the connection once there is one. Dropping it closes the
  /// connection and lets the next in line open another.
  class Lease {
   public:
    Lease() = default;
    Lease(ConnectionPool& pool, Host& host) : pool_(&pool), host_(&host) {}
    Lease(Lease&& other) noexcept { swap(other); }
    Lease& operator=(Lease&& other) noexcept {
      Lease old(std::move(other));
      swap(old);
      return *this;
    }
    ~Lease();

    explicit operator bool() const { return host_ != nullptr; }
    [[nodiscard]] Connection* connection() const { return connection_.get(); }
    void attach(std::unique_ptr<Connection> connection);
    /// Closes the connection and keeps the right to open another.
    void drop_connection();
    /// Gives the connection back for the next call.
    void give_back();

   private:
    friend class ConnectionPool;
    void swap(Lease& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(host_, other.host_);
      std::swap(connection_, other.connection_);
    }
    ConnectionPool* pool_ = nullptr;
    Host* host_ = nullptr;
    std::unique_ptr<Connection> connection_;
  };

  ConnectionPool(asio::any_io_executor executor, Limits limits);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// A lease without waiting: with a kept connection, or without one where one may be opened. Empty when the
  /// host's limit is reached.
  Lease try_acquire(const Origin& origin);
  /// Waits in line. @throws Exception deadline_exceeded, cancelled.
  asio::awaitable<Lease> acquire(Origin origin, Clock::time_point deadline);

  /// Ends everything: connections in use fail with `cancelled`, so do those who wait.
  void close();
  void close_idle();

  [[nodiscard]] std::size_t open() const { return connections_.size(); }
  [[nodiscard]] std::size_t idle() const { return idle_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

 private:
  struct Waiter;
  Host& host_of(const Origin& origin);
  void take_back(Host& host, std::unique_ptr<Connection> connection);
  void slot_freed(Host& host);
  void drop_expired(Host& host, Clock::time_point now);
  void sweep();
  void forget(std::unique_ptr<Connection> connection);

  asio::any_io_executor executor_;
  Limits limits_;
  std::unordered_map<Origin, std::unique_ptr<Host>> hosts_;
  std::unordered_set<Connection*> connections_;  // all that are open, to close them
  std::size_t idle_ = 0;
  std::size_t waiting_ = 0;
  bool closed_ = false;
};

}  // namespace lllm
