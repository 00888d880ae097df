#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "lllm/net/connection.hpp"

namespace lllm {

/// Notices that the peer of a connection hangs up while nobody reads from it: a server's handler may be
/// waiting for something else. It looks only when the wait lasts, so that a quick answer costs next to
/// nothing. Confined to the connection's executor; owned by who owns the connection, and made by
/// std::make_shared.
class HangUpWatch final : private Deadline, public std::enable_shared_from_this<HangUpWatch> {
 public:
  /// @param connection  outlives this.
  /// @param gone        Called at most once per watch, when the peer has finished sending or reset the
  /// connection,
  ///                    which is closed by then (connection_lost).
  HangUpWatch(std::shared_ptr<DeadlineQueue> queue, Connection& connection, std::function<void()> gone);

  /// Watches from now on. Nothing may be read from the connection before end().
  void begin();
  /// Bytes that came meanwhile, the peer's next request, are in the connection's hand.
  void end();

 private:
  void on_deadline() override { look(); }
  void look();
  void look_later();
  void readable();

  Connection& connection_;
  std::function<void()> gone_;
  std::uint64_t turn_ = 0;  // so that a wait of an earlier watch is told from this one's
  bool watching_ = false;
  bool waiting_ = false;  // at the socket
};

}  // namespace lllm
