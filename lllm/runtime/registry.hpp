#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/runtime/resource_node.hpp"

namespace lllm {

class NodeTable;

/// A value that is there, as a lookup finds it: valid as long as what it was found in. `keeper` keeps the
/// value alive in whatever shares it.
struct ReadyValue {
  const void* value = nullptr;  ///< null: there is none
  const std::type_info* type = nullptr;
  const std::shared_ptr<const void>* keeper = nullptr;
};

/// A state of a Runtime: all its nodes and its default package. Immutable once published; copies share
/// everything.
///
/// The map is a hash trie of 16 ways per level over small tables: a change copies the branches on its
/// path and one table, so a writer makes the next state of a registry of a million entries in microseconds,
/// and ten thousand registrations in a row stay linear.
class Registry : public std::enable_shared_from_this<Registry> {
 public:
  Registry();

  // Reading.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::string& default_package() const { return default_package_; }
  /// Exactly this key, or null.
  [[nodiscard]] const NodePtr* find(std::string_view key) const;
  /// By the rules for refs: the exact key; a bare key through the default package, for a typed lookup in
  /// `<default>.<type>s` first; `pkg:path` with the section of `type` put in. `type` empty: any.
  /// `bad_ref`, `resource_not_found` with near matches, `resource_type_mismatch`.
  [[nodiscard]] Result<const NodePtr*> resolve(std::string_view ref, std::string_view type = {}) const;
  /// The value of the node that `resolve` would give, in the one case that matters for speed: `key` is its
  /// exact key, the types are right, and the value is there. Null: resolve tells. What it gives keeps its
  /// value, and no more of this registry than a table of it.
  template <class T>
  [[nodiscard]] std::shared_ptr<const T> find_value(std::string_view key, std::string_view type) const {
    const auto found = find_ready(key, type);
    if (found.value == nullptr || *found.type != typeid(T)) return nullptr;
    return std::shared_ptr<const T>(*found.keeper, static_cast<const T*>(found.value));
  }
  /// As resolve, for "is it there": null instead of every error.
  [[nodiscard]] const NodePtr* resolve_quietly(std::string_view ref, std::string_view type = {}) const;
  /// In the order of their keys. `type` empty: all.
  [[nodiscard]] std::vector<NodePtr> nodes(std::string_view type = {}) const;

  // Changing a copy that is not published yet.
  /// Adds, or replaces the node with the same key.
  void put(NodePtr node);
  bool erase(std::string_view key);
  void default_package(std::string name) { default_package_ = std::move(name); }

 private:
  struct Table;
  struct Way;
  struct Branch;

  template <class Part>
  Part& own(std::shared_ptr<Part>& part) const;
  void split(Way& way, unsigned depth) const;
  Table& own_table(std::size_t hash);
  [[nodiscard]] const NodeTable* table_of(std::size_t hash) const;
  [[nodiscard]] ReadyValue find_ready(std::string_view key, std::string_view type) const;
  [[nodiscard]] const NodePtr* look_up(std::string_view ref, std::string_view type) const;
  [[nodiscard]] Error not_found(std::string_view ref, std::string_view type) const;

  std::shared_ptr<Branch> root_;
  std::size_t size_ = 0;
  std::string default_package_;
  // Branches and tables that carry this writer's mark are not shared yet and may be changed in place. A copy
  // gets a mark of its own; the copied one must not be changed any more, and a published one is const.
  struct Mark {
    Mark();
    Mark(const Mark&) : Mark() {}
    Mark& operator=(const Mark&);
    std::uint64_t value;
  };
  Mark mark_;
};

}  // namespace lllm
