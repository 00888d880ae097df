#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "lllm/runtime/registry.hpp"

namespace lllm {

/// What is looked up, with its hash (hash_of_ref).
struct SoughtKey {
  std::string_view key;
  std::size_t hash;
};

/// Some hundred nodes by key. Reading is for any number of threads at once, changing for one that has the
/// table for itself.
///
/// A registry of ten thousand nodes does not fit in a core's nearer caches, so a lookup costs what it
/// fetches, one after the other. Slots and addresses of values are small and stay near. Behind them a lookup
/// fetches, both at once, the value, for its caller, and a record that repeats what is asked of a node: its
/// key, and what it is. The node itself is left alone.
///
/// Copying one value's shared_ptr would fetch one line more and write to it, and threads would fight for it.
/// What is handed out shares a *lease* instead, that keeps all nodes of this table: each thread (of a few)
/// has one of its own per table. The price: who keeps a value keeps the neighbours it had then, up to the
/// size of a table, where they are replaced meanwhile.
class alignas(64) NodeTable {
 public:
  NodeTable();
  /// Shares nothing with `other` but the nodes.
  NodeTable(const NodeTable& other);
  NodeTable& operator=(const NodeTable&) = delete;
  ~NodeTable();

  [[nodiscard]] std::size_t size() const { return nodes_->size(); }
  /// In no order.
  [[nodiscard]] const std::vector<NodePtr>& nodes() const { return *nodes_; }
  [[nodiscard]] const NodePtr* find(const SoughtKey& sought) const;
  /// Null when the key is not there, is of another type, or has no value (yet).
  [[nodiscard]] ReadyValue find_ready(const SoughtKey& sought, std::string_view type) const;

  /// False when it replaces the node that has the same key.
  bool put(NodePtr node);
  bool erase(const SoughtKey& sought);

 private:
  struct Lease;
  static constexpr std::size_t lease_count = 16;

  /// Where things are in index_, as found in a slot.
  struct Place {
    std::size_t node;    ///< in nodes_
    std::size_t record;  ///< in index_; 0: not found
  };
  [[nodiscard]] Place place_of(const SoughtKey& sought) const;
  [[nodiscard]] const void* value_at(std::size_t node) const;
  [[nodiscard]] const std::shared_ptr<const void>& lease_of_this_thread() const;
  void have_for_itself();
  void end_leases();
  void add(std::size_t node);
  void describe(std::size_t node, std::size_t record);
  void index_all(std::size_t slot_count);

  // One piece of memory: slots, a power of two of them, probed in a row; then an address for each node that
  // there may be with that many slots (null: ask the node); then the records, each a word with the kind of
  // its node (0: ask the node) and the key's size, and the key.
  std::vector<std::uint64_t> index_;
  std::size_t mask_ = 0;     ///< slots less one
  std::size_t records_ = 0;  ///< where they begin in index_
  std::shared_ptr<std::vector<NodePtr>> nodes_;
  mutable std::array<std::atomic<Lease*>, lease_count> leases_{};
};

}  // namespace lllm
