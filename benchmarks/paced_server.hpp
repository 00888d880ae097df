#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "benchmarks/child.hpp"

namespace bench {

/// A server that streams chat completions at a steady pace and can do nothing else: each connection gets one
/// event every `period_ms`, in a packet of its own, the connections spread evenly over the period. Every
/// event says when it was sent: its "obfuscation" is CLOCK_MONOTONIC in nanoseconds. It needs a fraction of
/// what a whole provider needs, so that one core serves 200,000 events a second.
struct Pace {
  int events = 256;
  int period_ms = 1;
};

/// Such a server as a process on the server's core.
class PacedServer {
 public:
  explicit PacedServer(const Pace& pace);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] double cpu_seconds() const { return child_.cpu_seconds(); }

 private:
  Child child_;
  std::uint16_t port_ = 0;
};

/// For main(): when the arguments are those of a paced server, runs it and does not come back.
void serve_if_asked(int argc, char** argv);

}  // namespace bench
