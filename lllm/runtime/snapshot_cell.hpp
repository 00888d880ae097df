#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "lllm/runtime/registry.hpp"

namespace lllm {

namespace detail {
/// A cache line in which one thread says what it is reading.
struct alignas(64) Hazard {
  std::atomic<const void*> reading{nullptr};
  std::atomic<bool> taken{false};
  Hazard* next = nullptr;
};
/// The calling thread's own; taken on first use, given back when the thread ends.
Hazard& hazard_of_this_thread();
}  // namespace detail

/// The current snapshot, for many readers and one writer at a time.
///
/// `std::atomic<std::shared_ptr>` would do, but in libstdc++ it takes a spin lock, and every reader would
/// write the same reference count. Here a reader writes only its own hazard slot (hazard pointers, M. Michael
/// 2004), so readers never wait, neither for each other nor for a writer, and do not slow each other down. A
/// writer that replaces a snapshot keeps the old one until no slot names it.
class SnapshotCell {
 public:
  explicit SnapshotCell(std::shared_ptr<const Registry> first);
  SnapshotCell(const SnapshotCell&) = delete;
  SnapshotCell& operator=(const SnapshotCell&) = delete;

  /// Calls `reader(const Registry&)`. It must not suspend, and not read another cell.
  template <class Reader>
  auto read(Reader&& reader) const {
    struct Guard {
      detail::Hazard& hazard;
      ~Guard() { hazard.reading.store(nullptr, std::memory_order_release); }
    };
    const Guard guard{detail::hazard_of_this_thread()};
    const Registry* registry = current_.load(std::memory_order_acquire);
    while (true) {
      guard.hazard.reading.store(registry, std::memory_order_seq_cst);
      // Read again: had the writer replaced it in between, it might not have seen our slot.
      const Registry* again = current_.load(std::memory_order_seq_cst);
      if (again == registry) break;
      registry = again;
    }
    return reader(*registry);
  }

  /// Publishes. Callers make sure that there is one writer at a time.
  void store(std::shared_ptr<const Registry> next);
  /// For the writer, and for those who keep a snapshot: an owning handle. The writer's lock is not needed.
  [[nodiscard]] std::shared_ptr<const Registry> load() const;

 private:
  std::atomic<const Registry*> current_;
  std::shared_ptr<const Registry> owner_;
  std::vector<std::shared_ptr<const Registry>> retired_;
};

}  // namespace lllm
