// The second half of a load: one thread, one order.
#include <algorithm>
#include <filesystem>
#include <unordered_set>

#include "lllm/base/text.hpp"
#include "lllm/runtime/loader.hpp"
#include "lllm/runtime/loader_parts.hpp"

namespace lllm {
namespace {

struct CaselessHash {
  std::size_t operator()(const ResourceNode* node) const {
    std::size_t hash = 1469598103934665603U;
    for (const char c : node->key())
      hash = (hash ^ static_cast<unsigned char>(ascii_lower(c))) * 1099511628211U;
    return hash;
  }
};
struct CaselessEqual {
  bool operator()(const ResourceNode* a, const ResourceNode* b) const { return iequals(a->key(), b->key()); }
};

std::string origin(const std::string& manifest, const std::string& folder) {
  return manifest.empty() ? folder : manifest;
}

}  // namespace

void Loader::merge() {
  outcome_.report.elapsed =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_);
  if (cancelled_) {
    outcome_.failure = Error(ErrorKind::cancelled, "the load was cancelled");
    return;
  }
  if (failure_) {
    outcome_.failure = error_from(failure_);
    return;
  }
  if (!unsettled_.empty()) {
    outcome_.unsettled = true;
    outcome_.failure = Error(ErrorKind::io_failed, "'" + unsettled_ +
                                                       "' changed while the packages were loaded: nothing "
                                                       "was published; load again when the files are at rest")
                           .at(unsettled_);
    return;
  }
  auto order = breadth_first();
  for (const auto* package : order) {
    if (!package->failure) continue;
    outcome_.failure = package->failure;
    list_problems(order);
    return;
  }
  report_cycles(order);
  name_packages(order);
  if (outcome_.failure) return;
  merge_nodes(order);
  if (options_.strict && !outcome_.report.errors.empty()) outcome_.failure = outcome_.report.errors.front();
}

/// A load that fails says all it knows, so that a check needs one pass.
void Loader::list_problems(const std::vector<Package*>& order) {
  auto& report = outcome_.report;
  report.warnings = warnings_;
  for (const auto* package : order) {
    if (package->failure) report.errors.push_back(*package->failure);
    report.errors.insert(report.errors.end(), package->other_errors.begin(), package->other_errors.end());
    report.warnings.insert(report.warnings.end(), package->warnings.begin(), package->warnings.end());
    for (const auto& section : package->sections) {
      report.warnings.insert(report.warnings.end(), section->warnings.begin(), section->warnings.end());
      report.errors.insert(report.errors.end(), section->errors.begin(), section->errors.end());
      for (const auto& slot : section->slots) slot.list_errors(report.errors);
    }
  }
}

std::vector<Loader::Package*> Loader::breadth_first() const {
  std::vector<Package*> order;
  std::unordered_set<const Package*> seen;
  const auto add = [&](Package* package) {
    if (package != nullptr && seen.insert(package).second) order.push_back(package);
  };
  add(roots_.front());
  for (std::size_t i = 0; i < order.size(); ++i)
    for (auto* dependency : order[i]->dependencies) add(dependency);
  const std::size_t needed = order.size();
  for (auto* root : roots_) add(root);
  for (std::size_t i = needed; i < order.size(); ++i) {
    order[i]->shared = true;
    for (auto* dependency : order[i]->dependencies) add(dependency);
  }
  return order;
}

/// Each package is loaded once, so a cycle does no harm; its author should know of it all the same.
void Loader::report_cycles(const std::vector<Package*>& order) {
  enum class State { unseen, open, done };
  std::unordered_map<const Package*, State> states;
  struct Step {
    Package* package;
    std::size_t next;
  };
  for (auto* start : order) {
    if (states[start] != State::unseen) continue;
    std::vector<Step> path{{start, 0}};  // not recursion: a chain may be as long as there are packages
    states[start] = State::open;
    while (!path.empty()) {
      auto& [package, next] = path.back();
      if (next == package->dependencies.size()) {
        states[package] = State::done;
        path.pop_back();
        continue;
      }
      const std::size_t index = next++;
      auto* dependency = package->dependencies[index];
      if (dependency == nullptr || states[dependency] == State::done) continue;
      if (states[dependency] == State::unseen) {
        states[dependency] = State::open;
        path.push_back({dependency, 0});
        continue;
      }
      std::string names;
      bool inside = false;
      for (const auto& step : path) {
        inside = inside || step.package == dependency;
        if (inside) names += step.package->manifest.name + " -> ";
      }
      const auto& declared = package->manifest.dependencies[index];
      package->warnings.emplace_back("dependency cycle: " + names + dependency->manifest.name,
                                     package->manifest.file, declared.line, declared.column);
    }
  }
}

/// Names and aliases are one space; two owners of one name are an error, but a shared package gives way.
void Loader::name_packages(std::vector<Package*>& order) {
  std::unordered_map<std::string, const Package*> owners;
  const auto conflict = [&](const std::string& name, const Package& a, const Package& b, int line,
                            int column) {
    outcome_.failure =
        Error(ErrorKind::resource_conflict, "the package name '" + name + "' is taken twice: by '" +
                                                origin(a.manifest.file, a.folder) + "' and by '" +
                                                origin(b.manifest.file, b.folder) + "'")
            .at(b.manifest.file, line, column);
  };
  std::vector<Package*> kept;
  for (auto* package : order) {
    const auto [owner, fresh] = owners.emplace(to_lower(package->manifest.name), package);
    if (fresh) {
      kept.push_back(package);
    } else if (package->shared) {
      warnings_.emplace_back("the shared package '" + package->manifest.name + "' is hidden by '" +
                                 origin(owner->second->manifest.file, owner->second->folder) + "'",
                             origin(package->manifest.file, package->folder));
    } else {
      return conflict(package->manifest.name, *owner->second, *package, 0, 0);
    }
  }
  order = std::move(kept);
  for (auto* package : order) {
    if (package->installed_alias.empty() || package->installed_alias == package->manifest.name) continue;
    const auto [owner, fresh] = owners.emplace(to_lower(package->installed_alias), package);
    if (owner->second != package) return conflict(package->installed_alias, *owner->second, *package, 0, 0);
    package->aliases.push_back(package->installed_alias);
  }
  for (auto* package : order) {
    for (std::size_t i = 0; i < package->dependencies.size(); ++i) {
      auto* dependency = package->dependencies[i];
      const auto& declared = package->manifest.dependencies[i];
      if (dependency == nullptr || declared.alias.empty() || declared.alias == dependency->manifest.name)
        continue;
      const auto [owner, fresh] = owners.emplace(to_lower(declared.alias), dependency);
      if (owner->second != dependency) {
        outcome_.failure =
            Error(ErrorKind::resource_conflict,
                  "the alias '" + declared.alias + "' for '" +
                      origin(dependency->manifest.file, dependency->folder) + "' is already the name of '" +
                      origin(owner->second->manifest.file, owner->second->folder) + "'")
                .at(package->manifest.file, declared.line, declared.column);
        return;
      }
      auto& aliases = dependency->aliases;
      if (std::find(aliases.begin(), aliases.end(), declared.alias) == aliases.end())
        aliases.push_back(declared.alias);
    }
  }
}

void Loader::merge_nodes(const std::vector<Package*>& order) {
  auto record = std::make_shared<LoadRecord>();
  record->options = options_;
  record->root = roots_.front()->folder;
  auto& report = outcome_.report;
  auto& nodes = outcome_.nodes;
  report.default_package = order.front()->manifest.name;
  report.warnings = warnings_;
  report.files_read = files_read_;
  report.files_reused = files_reused_;
  nodes.reserve(files_found_);
  std::unordered_map<const ResourceNode*, std::size_t, CaselessHash, CaselessEqual> index;
  index.reserve(files_found_);

  const auto add = [&](NodePtr node) {
    const auto [known, fresh] = index.emplace(node.get(), nodes.size());
    if (fresh) {
      nodes.push_back(std::move(node));
      return;
    }
    // Two files for one key: neither may win silently. The key stays, as an error that names both.
    auto& first = nodes[known->second];
    const std::string how =
        first->key() == node->key() ? "" : ", which differs only in upper and lower case,";
    auto error = Error(ErrorKind::resource_conflict, "'" + node->key() + "' is given by '" + node->file() +
                                                         "' and" + how + " by '" + first->file() + "'")
                     .at(node->file());
    report.errors.push_back(error);
    ResourceNode::Parts parts;
    parts.ns = first->ns();
    parts.path = first->path();
    parts.type = first->type();
    parts.file = first->file();
    const std::size_t place = known->second;
    index.erase(known);
    first = ResourceNode::broken(std::move(parts), std::move(error));
    index.emplace(first.get(), place);
  };

  for (auto* package : order) {
    LoadedPackage loaded;
    loaded.name = package->manifest.name;
    loaded.version = package->manifest.version;
    loaded.folder = package->folder;
    loaded.manifest = package->manifest.file;
    loaded.aliases = package->aliases;
    loaded.elapsed = std::chrono::microseconds(package->work_ns.load() / 1000);
    report.warnings.insert(report.warnings.end(), package->warnings.begin(), package->warnings.end());
    record->folders.push_back(package->folder);
    std::string python;
    const std::size_t first = nodes.size();
    for (const auto& section : package->sections) {
      report.warnings.insert(report.warnings.end(), section->warnings.begin(), section->warnings.end());
      report.errors.insert(report.errors.end(), section->errors.begin(), section->errors.end());
      if (python.empty()) python = section->python_file;
      for (const auto& listed : section->folders) record->folders.push_back(listed.path);
      for (auto& slot : section->slots) {
        slot.list_errors(report.errors);
        auto& known = record->files[slot.file.file];
        known.id = slot.file.ns() + ':' + slot.file.path;
        known.stamp = slot.stamp;
        known.nodes = slot.nodes;
        known.warnings = slot.warnings;
        known.other_errors = slot.other_errors;
        report.warnings.insert(report.warnings.end(), slot.warnings.begin(), slot.warnings.end());
        for (auto& node : slot.nodes) add(std::move(node));
      }
    }
    if (!python.empty())
      report.warnings.emplace_back("Python modules are not loaded by the C++ runtime", python);
    const std::size_t last = nodes.size();
    loaded.resources = last - first;
    for (std::size_t i = first; i < last; ++i) ++report.resources[nodes[i]->type()];
    for (const auto& alias : package->aliases)
      for (std::size_t i = first; i < last; ++i) {
        const auto ns = nodes[i]->ns();
        add(ResourceNode::alias(nodes[i], alias + std::string(ns.substr(ns.find('.')))));
      }
    report.packages.push_back(std::move(loaded));
  }
  std::unordered_set<std::string> known;
  if (previous_) known.insert(previous_->errors.begin(), previous_->errors.end());
  for (const auto& error : report.errors) {
    record->errors.push_back(error.to_string());
    if (!known.contains(record->errors.back())) outcome_.new_errors.push_back(error);
  }
  for (const auto& node : nodes)
    if (node->is_alias()) record->keys.push_back(node->key());
  outcome_.record = std::move(record);
}

}  // namespace lllm
