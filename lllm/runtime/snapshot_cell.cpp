#include "lllm/runtime/snapshot_cell.hpp"

#include <utility>

namespace lllm {
namespace {

std::atomic<detail::Hazard*> all_hazards{nullptr};

detail::Hazard& take_hazard() {
  for (auto* hazard = all_hazards.load(std::memory_order_acquire); hazard != nullptr; hazard = hazard->next) {
    bool expected = false;
    if (!hazard->taken.load(std::memory_order_relaxed) &&
        hazard->taken.compare_exchange_strong(expected, true, std::memory_order_acq_rel))
      return *hazard;
  }
  // Never freed: as many as there were threads at once, and a writer may be looking at any of them.
  auto* fresh = new detail::Hazard;
  fresh->taken.store(true, std::memory_order_relaxed);
  fresh->next = all_hazards.load(std::memory_order_relaxed);
  while (!all_hazards.compare_exchange_weak(fresh->next, fresh, std::memory_order_acq_rel)) {
  }
  return *fresh;
}

struct HazardLease {
  detail::Hazard& hazard = take_hazard();
  ~HazardLease() { hazard.taken.store(false, std::memory_order_release); }
};

}  // namespace

detail::Hazard& detail::hazard_of_this_thread() {
  thread_local HazardLease lease;
  return lease.hazard;
}

SnapshotCell::SnapshotCell(std::shared_ptr<const Registry> first)
    : current_(first.get()), owner_(std::move(first)) {}

void SnapshotCell::store(std::shared_ptr<const Registry> next) {
  current_.store(next.get(), std::memory_order_seq_cst);
  retired_.push_back(std::exchange(owner_, std::move(next)));
  std::erase_if(retired_, [](const std::shared_ptr<const Registry>& old) {
    for (auto* hazard = all_hazards.load(std::memory_order_acquire); hazard != nullptr; hazard = hazard->next)
      if (hazard->reading.load(std::memory_order_seq_cst) == old.get()) return false;
    return true;
  });
}

std::shared_ptr<const Registry> SnapshotCell::load() const {
  return read([](const Registry& registry) { return registry.shared_from_this(); });
}

}  // namespace lllm
