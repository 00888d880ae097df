#include "lllm/runtime/node_table.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace lllm {
namespace {

/// A slot: 16 bits of the hash, the number of a node, and where its record is, in words. 0: free.
constexpr unsigned node_bits = 20, record_bits = 28;
constexpr std::uint64_t lowest(unsigned bits) {
  return (std::uint64_t{1} << bits) - 1;
}
constexpr std::uint64_t slot_of(std::uint64_t tag, std::size_t node, std::size_t record) {
  return tag << (node_bits + record_bits) | std::uint64_t{node} << record_bits | record;
}

/// How many nodes may share that many slots.
constexpr std::size_t room_of(std::size_t slot_count) {
  return slot_count / 4 * 3;
}

// The ways to a table have used up the bits from the ninth on.
std::uint64_t tag_of(std::size_t hash) {
  return (hash & 0xff) | (hash >> 40 & 0xff00);
}
std::size_t home_of(std::size_t hash) {
  return hash >> 56 | (hash >> 40 & 0xff00);
}

template <class Word>
Word word_at(const char* bytes, std::size_t at) {
  Word word;
  std::memcpy(&word, bytes + at, sizeof word);
  return word;
}

/// memcmp of some dozen bytes, without the call.
bool same_bytes(const char* a, const char* b, std::size_t count) {
  const auto same_word = [&]<class Word>(Word, std::size_t at) {
    return word_at<Word>(a, at) == word_at<Word>(b, at);
  };
  if (count >= 8) {
    for (std::size_t at = 0; at + 8 < count; at += 8)
      if (!same_word(std::uint64_t{}, at)) return false;
    return same_word(std::uint64_t{}, count - 8);
  }
  if (count >= 4) return same_word(std::uint32_t{}, 0) && same_word(std::uint32_t{}, count - 4);
  return std::equal(a, a + count, b);
}
bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && same_bytes(a.data(), b.data(), a.size());
}

/// A resource's type and the C++ type of its value. There are few, and they are asked for with every lookup,
/// so they are kept in one place and called by number: written once each, then read by any thread that met
/// the number in a published table.
struct Kind {
  std::string type;
  const std::type_info* value_type = nullptr;
};
constexpr std::size_t most_kinds = 256;
std::array<Kind, most_kinds>& kinds() {
  static auto& all = *new std::array<Kind, most_kinds>;  // never destroyed: other statics may be runtimes
  return all;
}

/// 0 for what is not loaded yet, and for what comes when the numbers are used up: then the node is asked.
std::uint32_t kind_of(const ResourceNode& node) {
  static std::mutex mutex;
  static std::size_t used = 1;
  const auto* ready = node.ready();
  if (ready == nullptr || ready->address() == nullptr) return 0;
  const std::lock_guard lock(mutex);
  auto& all = kinds();
  for (std::size_t i = 1; i < used; ++i)
    if (*all[i].value_type == *ready->type() && all[i].type == node.type())
      return static_cast<std::uint32_t>(i);
  if (used == most_kinds) return 0;
  all[used].type = node.type();
  all[used].value_type = ready->type();
  return static_cast<std::uint32_t>(used++);
}

/// Each piece of memory has cache lines of its own, in pairs, as processors fetch them: else the counts of
/// two threads would share one.
template <class T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t line{128};
  LineAllocator() = default;
  template <class U>
  explicit LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), line)); }
  void deallocate(T* place, std::size_t) { ::operator delete(place, line); }
  friend bool operator==(const LineAllocator&, const LineAllocator&) = default;
};

std::size_t number_of_this_thread() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

}  // namespace

/// Holds the nodes of a table, in one line with a count of its own.
struct NodeTable::Lease {
  std::shared_ptr<const std::vector<NodePtr>> nodes;
  std::shared_ptr<const void> self;  // owns this very Lease, until the table lets go of it

  static Lease* make(std::shared_ptr<const std::vector<NodePtr>> nodes) {
    const auto lease = std::allocate_shared<Lease>(LineAllocator<Lease>());
    lease->nodes = std::move(nodes);
    lease->self = lease;
    return lease.get();
  }
  /// Readers may still hold copies of `self`; the last of them takes the Lease along.
  void let_go() { const auto last = std::move(self); }
};

NodeTable::NodeTable() : nodes_(std::make_shared<std::vector<NodePtr>>()) {
  index_all(8);
}

NodeTable::NodeTable(const NodeTable& other)
    : index_(other.index_),
      mask_(other.mask_),
      records_(other.records_),
      nodes_(std::make_shared<std::vector<NodePtr>>(*other.nodes_)) {}

NodeTable::~NodeTable() {
  end_leases();
}

const void* NodeTable::value_at(std::size_t node) const {
  return reinterpret_cast<const void*>(static_cast<std::uintptr_t>(index_[mask_ + 1 + node]));
}

NodeTable::Place NodeTable::place_of(const SoughtKey& sought) const {
  const auto tag = tag_of(sought.hash);
  for (auto at = home_of(sought.hash);; ++at) {
    const auto slot = index_[at & mask_];
    if (slot == 0) return {0, 0};
    if (slot >> (node_bits + record_bits) != tag) continue;
    const Place place{slot >> record_bits & lowest(node_bits), slot & lowest(record_bits)};
    __builtin_prefetch(value_at(place.node));
    const auto* record = &index_[place.record];
    const std::string_view key(reinterpret_cast<const char*>(record + 1), *record >> 8);
    if (same_text(sought.key, key)) return place;
  }
}

const NodePtr* NodeTable::find(const SoughtKey& sought) const {
  const auto place = place_of(sought);
  return place.record == 0 ? nullptr : &(*nodes_)[place.node];
}

ReadyValue NodeTable::find_ready(const SoughtKey& sought, std::string_view type) const {
  const auto place = place_of(sought);
  if (place.record == 0) return {};
  ReadyValue found;
  if (const auto number = index_[place.record] & 0xff; number != 0) {
    const auto& kind = kinds()[number];
    if (!same_text(kind.type, type)) return {};
    found.value = value_at(place.node);
    found.type = kind.value_type;
  } else {
    const auto& node = (*nodes_)[place.node];
    const auto* ready = node->ready();
    if (ready == nullptr || node->type() != type) return {};
    found.value = ready->address();
    found.type = ready->type();
  }
  found.keeper = &lease_of_this_thread();
  return found;
}

const std::shared_ptr<const void>& NodeTable::lease_of_this_thread() const {
  auto& place = leases_[number_of_this_thread() % lease_count];
  Lease* lease = place.load(std::memory_order_acquire);
  if (lease == nullptr) {
    auto* fresh = Lease::make(nodes_);
    if (place.compare_exchange_strong(lease, fresh, std::memory_order_acq_rel))
      lease = fresh;
    else
      fresh->let_go();
  }
  return lease->self;
}

void NodeTable::end_leases() {
  for (auto& place : leases_)
    if (auto* lease = place.load(std::memory_order_acquire)) {
      place.store(nullptr, std::memory_order_relaxed);
      lease->let_go();
    }
}

/// What was handed out before a change goes on holding the nodes of before.
void NodeTable::have_for_itself() {
  end_leases();
  if (nodes_.use_count() > 1) nodes_ = std::make_shared<std::vector<NodePtr>>(*nodes_);
}

bool NodeTable::put(NodePtr node) {
  have_for_itself();
  auto& nodes = *nodes_;
  if (const auto place = place_of({node->key(), node->hash()}); place.record != 0) {
    nodes[place.node] = std::move(node);
    describe(place.node, place.record);
    return false;
  }
  // Most tables grow by one, in a copy: twice the room would be waste.
  if (nodes.capacity() == nodes.size()) nodes.reserve(nodes.size() + 1 + nodes.size() / 4);
  nodes.push_back(std::move(node));
  if (nodes.size() > room_of(mask_ + 1))
    index_all((mask_ + 1) * 2);
  else
    add(nodes.size() - 1);
  return true;
}

bool NodeTable::erase(const SoughtKey& sought) {
  have_for_itself();
  const auto place = place_of(sought);
  if (place.record == 0) return false;
  std::swap((*nodes_)[place.node], nodes_->back());
  nodes_->pop_back();
  index_all(mask_ + 1);
  return true;
}

/// What its record and its address say of a node. The key does not change.
void NodeTable::describe(std::size_t node, std::size_t record) {
  const ResourceNode& described = *(*nodes_)[node];
  const std::uint64_t kind = kind_of(described);
  index_[record] = std::uint64_t{described.key().size()} << 8 | kind;
  index_[mask_ + 1 + node] =
      kind == 0 ? 0
                : static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(described.ready()->address()));
}

/// Slot and record of a node that is in nodes_.
void NodeTable::add(std::size_t node) {
  const std::string_view key = (*nodes_)[node]->key();
  const auto hash = (*nodes_)[node]->hash();
  const auto record = index_.size();
  const auto end = record + 1 + (key.size() + 7) / 8;
  // A million keys whose hashes agree in 40 bits, or two GiB of keys.
  if (node > lowest(node_bits) || end > lowest(record_bits))
    throw std::length_error("lllm: registry is full");
  if (index_.capacity() < end) index_.reserve(end + (end - records_) / 4);
  index_.resize(end);
  describe(node, record);
  std::memcpy(&index_[record + 1], key.data(), key.size());
  auto at = home_of(hash);
  while (index_[at & mask_] != 0) ++at;
  index_[at & mask_] = slot_of(tag_of(hash), node, record);
}

void NodeTable::index_all(std::size_t slot_count) {
  mask_ = slot_count - 1;
  records_ = slot_count + room_of(slot_count);
  index_.assign(records_, 0);
  for (std::size_t node = 0; node < nodes_->size(); ++node) add(node);
}

}  // namespace lllm
