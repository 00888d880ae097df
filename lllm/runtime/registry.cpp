#include "lllm/runtime/registry.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "lllm/base/text.hpp"
#include "lllm/runtime/node_table.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {
namespace {

constexpr unsigned bits_per_level = 4;
constexpr unsigned ways_per_branch = 1U << bits_per_level;
constexpr unsigned most_levels = 10;
/// A table with more nodes becomes a branch of smaller ones.
constexpr std::size_t most_in_table = 256;

/// By bits of their own: the tables use the lowest eight and the highest.
unsigned way_of(std::size_t hash, unsigned depth) {
  return static_cast<unsigned>(hash >> (8 + depth * bits_per_level)) % ways_per_branch;
}

SoughtKey sought(std::string_view key) {
  return {key, hash_of_ref(key)};
}

std::atomic<std::uint64_t> next_mark{1};

}  // namespace

Registry::Mark::Mark() : value(next_mark.fetch_add(1, std::memory_order_relaxed)) {}
Registry::Mark& Registry::Mark::operator=(const Mark&) {
  value = next_mark.fetch_add(1, std::memory_order_relaxed);
  return *this;
}

struct Registry::Table : NodeTable {
  std::uint64_t mark = 0;
};

/// Leads to a branch, or to a table, or nowhere yet.
struct Registry::Way {
  std::shared_ptr<Branch> branch;
  std::shared_ptr<Table> table;
};

struct Registry::Branch {
  std::array<Way, ways_per_branch> ways;
  std::uint64_t mark = 0;
};

Registry::Registry() : root_(std::make_shared<Branch>()) {}

const NodeTable* Registry::table_of(std::size_t hash) const {
  const Branch* branch = root_.get();
  for (unsigned depth = 0;; ++depth) {
    const Way& way = branch->ways[way_of(hash, depth)];
    if (!way.branch) return way.table.get();
    branch = way.branch.get();
  }
}

const NodePtr* Registry::find(std::string_view key) const {
  const auto wanted = sought(key);
  const auto* table = table_of(wanted.hash);
  return table == nullptr ? nullptr : table->find(wanted);
}

ReadyValue Registry::find_ready(std::string_view key, std::string_view type) const {
  const auto wanted = sought(key);
  const auto* table = table_of(wanted.hash);
  return table == nullptr ? ReadyValue() : table->find_ready(wanted, type);
}

/// `part` itself when it is this writer's, else a copy in its place; a new one where there was none.
template <class Part>
Part& Registry::own(std::shared_ptr<Part>& part) const {
  if (!part || part->mark != mark_.value) {
    part = part ? std::make_shared<Part>(*part) : std::make_shared<Part>();
    part->mark = mark_.value;
  }
  return *part;
}

/// The way's table becomes a branch, whose ways part at `depth`.
void Registry::split(Way& way, unsigned depth) const {
  const auto whole = std::exchange(way.table, nullptr);
  Branch& branch = own(way.branch);
  for (const auto& node : whole->nodes()) own(branch.ways[way_of(node->hash(), depth)].table).put(node);
}

/// The table for keys of this hash, with room for one more.
Registry::Table& Registry::own_table(std::size_t hash) {
  Branch* branch = &own(root_);
  for (unsigned depth = 0;; ++depth) {
    Way& way = branch->ways[way_of(hash, depth)];
    // Keys whose hashes are equal in all these bits share a table, however many they are.
    if (way.table && way.table->size() >= most_in_table && depth + 1 < most_levels) split(way, depth + 1);
    if (!way.branch) return own(way.table);
    branch = &own(way.branch);
  }
}

void Registry::put(NodePtr node) {
  auto& table = own_table(node->hash());
  size_ += table.put(std::move(node)) ? 1 : 0;
}

bool Registry::erase(std::string_view key) {
  if (find(key) == nullptr) return false;
  const auto wanted = sought(key);
  size_ -= own_table(wanted.hash).erase(wanted) ? 1 : 0;
  return true;
}

std::vector<NodePtr> Registry::nodes(std::string_view type) const {
  std::vector<NodePtr> found;
  if (type.empty()) found.reserve(size_);
  const auto collect = [&](const auto& self, const Branch& branch) -> void {
    for (const auto& way : branch.ways) {
      if (way.branch) self(self, *way.branch);
      if (!way.table) continue;
      for (const auto& node : way.table->nodes())
        if (type.empty() || node->type() == type) found.push_back(node);
    }
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
