#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace lllm {

/// Read buffers, lent to a connection only while it has bytes in hand. On one thread a handful serves
/// thousands of connections, and the one lent next is the one still in the cache. Confined to its executor.
class BufferPool {
 public:
  static constexpr std::size_t buffer_size = 64 * 1024;
  using Buffer = std::unique_ptr<char[]>;

  BufferPool() { free_.reserve(kept); }  // give() is called by destructors and must not fail

  Buffer take() {
    if (free_.empty()) return Buffer(new char[buffer_size]);  // not make_unique: it would clear every page
    Buffer buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  void give(Buffer buffer) {
    if (buffer && free_.size() < kept) free_.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t kept = 32;
  std::vector<Buffer> free_;
};

}  // namespace lllm
