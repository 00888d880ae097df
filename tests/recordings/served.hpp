#pragma once

#include <memory>
#include <vector>

#include "tests/recordings/replay.hpp"

namespace lllm::test {

/// Serves recorded answers byte for byte from a loopback server and calls it with the real invoker.
class Served {
 public:
  Served();
  ~Served();
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  /// One call. A stream's body is written in the pieces of `cut`, each a write of its own.
  Outcome call(const Recording& recording, Cut cut, std::uint64_t seed);
  /// All three ways of cutting a stream (one for a whole answer).
  std::vector<Failure> check(const Recording& recording);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lllm::test
