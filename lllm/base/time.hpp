#pragma once

#include <chrono>

namespace lllm {

/// `start` + `wait`, or the ends of time where that is past them: an enormous wait is "for ever", not an
/// overflow.
inline std::chrono::steady_clock::time_point time_after(std::chrono::steady_clock::time_point start,
                                                        std::chrono::milliseconds wait) {
  using Time = std::chrono::steady_clock::time_point;
  using std::chrono::milliseconds;
  // Compared in milliseconds: the nanoseconds of `wait` may be what overflows.
  if (wait >= std::chrono::floor<milliseconds>(Time::max() - start)) return Time::max();
  if (wait <= -std::chrono::floor<milliseconds>(start.time_since_epoch())) return Time();
  return start + wait;
}

}  // namespace lllm
