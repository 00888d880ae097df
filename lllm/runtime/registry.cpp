#include "lllm/runtime/registry.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>

#include "lllm/base/text.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {
namespace {

constexpr unsigned bits_per_level = 5;
constexpr unsigned levels_per_hash = 64 / bits_per_level;

/// The branch to take at `level`. Keys whose whole hashes are equal part below, by another hash.
std::uint32_t way(std::size_t hash, std::string_view key, unsigned level) {
  if (level >= levels_per_hash) {
    const std::string salted = std::to_string(level / levels_per_hash) + std::string(key);
    hash = std::hash<std::string_view>()(salted);
    level %= levels_per_hash;
  }
  return static_cast<std::uint32_t>(hash >> (level * bits_per_level)) & 31U;
}

std::atomic<std::uint64_t> next_mark{1};

}  // namespace

Registry::Mark::Mark() : value(next_mark.fetch_add(1, std::memory_order_relaxed)) {}
Registry::Mark& Registry::Mark::operator=(const Mark&) {
  value = next_mark.fetch_add(1, std::memory_order_relaxed);
  return *this;
}

/// Of the 32 ways, some lead to a node, some to a deeper branch; both lists are dense and in the order of the
/// bits.
struct Registry::Branch {
  std::uint32_t node_ways = 0;
  std::uint32_t branch_ways = 0;
  std::vector<NodePtr> nodes;
  std::vector<BranchPtr> branches;
  std::uint64_t mark = 0;

  static std::size_t index(std::uint32_t ways, std::uint32_t bit) {
    return static_cast<std::size_t>(std::popcount(ways & (bit - 1)));
  }
  [[nodiscard]] auto node_at(std::uint32_t bit) {
    return nodes.begin() + static_cast<std::ptrdiff_t>(index(node_ways, bit));
  }
  [[nodiscard]] auto branch_at(std::uint32_t bit) {
    return branches.begin() + static_cast<std::ptrdiff_t>(index(branch_ways, bit));
  }
};

Registry::Registry() : root_(std::make_shared<Branch>()) {}

const NodePtr* Registry::find(std::string_view key) const {
  const std::size_t hash = std::hash<std::string_view>()(key);
  const Branch* branch = root_.get();
  for (unsigned level = 0;; ++level) {
    const std::uint32_t bit = std::uint32_t{1} << way(hash, key, level);
    if ((branch->node_ways & bit) != 0) {
      const NodePtr& node = branch->nodes[Branch::index(branch->node_ways, bit)];
      return node->hash() == hash && node->key() == key ? &node : nullptr;
    }
    if ((branch->branch_ways & bit) == 0) return nullptr;
    branch = branch->branches[Branch::index(branch->branch_ways, bit)].get();
  }
}

Registry::Branch& Registry::own(BranchPtr& branch) {
  if (branch->mark != mark_.value) {
    branch = std::make_shared<Branch>(*branch);
    branch->mark = mark_.value;
  }
  return *branch;
}

void Registry::put(NodePtr node) {
  if (put_in(root_, 0, std::move(node))) ++size_;
}

bool Registry::put_in(BranchPtr& shared, unsigned level, NodePtr node) {
  Branch& branch = own(shared);
  const std::uint32_t bit = std::uint32_t{1} << way(node->hash(), node->key(), level);
  if ((branch.branch_ways & bit) != 0) return put_in(*branch.branch_at(bit), level + 1, std::move(node));
  if ((branch.node_ways & bit) == 0) {
    branch.nodes.insert(branch.node_at(bit), std::move(node));
    branch.node_ways |= bit;
    return true;
  }
  auto present = branch.node_at(bit);
  if ((*present)->key() == node->key()) {
    *present = std::move(node);
    return false;
  }
  auto deeper = std::make_shared<Branch>();
  deeper->mark = mark_.value;
  put_in(deeper, level + 1, std::move(*present));
  put_in(deeper, level + 1, std::move(node));
  branch.nodes.erase(present);
  branch.node_ways &= ~bit;
  branch.branches.insert(branch.branch_at(bit), std::move(deeper));
  branch.branch_ways |= bit;
  return true;
}

bool Registry::erase(std::string_view key) {
  if (find(key) == nullptr) return false;
  erase_in(root_, 0, std::hash<std::string_view>()(key), key);
  --size_;
  return true;
}

/// True when the branch is empty now.
bool Registry::erase_in(BranchPtr& shared, unsigned level, std::size_t hash, std::string_view key) {
  Branch& branch = own(shared);
  const std::uint32_t bit = std::uint32_t{1} << way(hash, key, level);
  if ((branch.branch_ways & bit) != 0) {
    const auto deeper = branch.branch_at(bit);
    if (erase_in(*deeper, level + 1, hash, key)) {
      branch.branches.erase(deeper);
      branch.branch_ways &= ~bit;
    }
  } else {
    branch.nodes.erase(branch.node_at(bit));
    branch.node_ways &= ~bit;
  }
  return branch.nodes.empty() && branch.branches.empty();
}

std::vector<NodePtr> Registry::nodes(std::string_view type) const {
  std::vector<NodePtr> found;
  if (type.empty()) found.reserve(size_);
  const auto collect = [&](const auto& self, const Branch& branch) -> void {
    for (const auto& node : branch.nodes)
      if (type.empty() || node->type() == type) found.push_back(node);
    for (const auto& deeper : branch.branches) self(self, *deeper);
  };
  collect(collect, *root_);
  std::sort(found.begin(), found.end(),
            [](const NodePtr& a, const NodePtr& b) { return a->key() < b->key(); });
  return found;
}

/// The node that a ref means, of whatever type, by the order of the rules; null when there is none.
const NodePtr* Registry::look_up(std::string_view ref, std::string_view type) const {
  if (const auto* node = find(ref)) return node;
  const auto in_section = [&](std::string_view package, std::string_view section, std::string_view path) {
    std::string key(package);
    key.append(".").append(section).append(":").append(path);
    return find(key);
  };
  const auto colon = ref.find(':');
  if (colon != ref.npos) {
    if (type.empty() || ref.substr(0, colon).find('.') != ref.npos) return nullptr;
    return in_section(ref.substr(0, colon), section_of_type(type), ref.substr(colon + 1));
  }
  if (default_package_.empty()) return nullptr;
  if (!type.empty())
    if (const auto* node = in_section(default_package_, section_of_type(type), ref)) return node;
  for (const auto* section : {"tactics", "services", "configs", "assets", "prompts", "tools", "proxies"})
    if (const auto* node = in_section(default_package_, section, ref)) return node;
  return nullptr;
}

Result<const NodePtr*> Registry::resolve(std::string_view ref, std::string_view type) const {
  const auto* node = look_up(ref, type);
  if (node == nullptr) {
    const auto colon = ref.find(':');
    const auto valid = check_resource_path(colon == ref.npos ? ref : ref.substr(colon + 1));
    if (!valid) return valid.error();
    return not_found(ref, type);
  }
  if (type.empty() || (*node)->type() == type) return node;
  return Error(ErrorKind::resource_type_mismatch,
               "'" + (*node)->key() + "' is a " + (*node)->type() + ", not a " + std::string(type))
      .at((*node)->file());
}

const NodePtr* Registry::resolve_quietly(std::string_view ref, std::string_view type) const {
  const auto* node = look_up(ref, type);
  return node != nullptr && (type.empty() || (*node)->type() == type) ? node : nullptr;
}

Error Registry::not_found(std::string_view ref, std::string_view type) const {
  std::vector<std::string_view> candidates;
  const bool full = ref.find(':') != ref.npos;
  const auto all = nodes();
  for (const auto& node : all) {
    if (!type.empty() && node->type() != type) continue;
    candidates.push_back(full ? std::string_view(node->key()) : node->path());
  }
  std::string message = "no ";
  message.append(type.empty() ? "resource" : type);
  message += " '" + strip_terminal_escapes(to_valid_utf8(excerpt(ref, 200))) + "'";
  if (!full && default_package_.empty()) message += " (a bare key, and no default package is set)";
  const auto near = near_matches(ref, candidates, 5);
  if (!near.empty()) message += "; did you mean " + join(near, ", ") + "?";
  return Error(ErrorKind::resource_not_found, message);
}

}  // namespace lllm
