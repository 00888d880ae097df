// The second look of a load at all it has read. If nothing has changed since it was read, then all of it was
// there together when the last read was done; otherwise what was read may be a mix of two states.
#include <algorithm>

#include "lllm/runtime/discovery.hpp"
#include "lllm/runtime/loader.hpp"
#include "lllm/runtime/loader_parts.hpp"

namespace lllm {
namespace {

/// A look is a microsecond; a job of this many costs little beside them, and leaves work for all workers.
constexpr std::size_t looks_per_job = 512;

}  // namespace

std::size_t detail::hash_of_names(const std::vector<DirectoryEntry>& entries) {
  std::size_t hash = 0;
  for (const auto& entry : entries) {
    if (is_skipped(entry.name)) continue;
    hash = hash * 1099511628211U + std::hash<std::string>()(entry.name) * 2 + (entry.is_directory ? 1 : 0);
  }
  return hash;
}

/// Submits the second look, once. False: there is nothing to look at, or it has been done.
bool Loader::look_again() {
  if (looking_again_ || cancelled_ || failure_) return false;
  looking_again_ = true;
  std::vector<std::function<void()>> jobs;
  jobs.emplace_back([this] { check_roots(); });
  // Small packages share a job, large sections have several.
  std::vector<const Package*> some;
  std::size_t looks = 0;
  const auto flush = [&] {
    if (some.empty()) return;
    jobs.emplace_back([this, packages = std::move(some)] {
      for (const auto* package : packages) check_package(*package);
    });
    some.clear();
    looks = 0;
  };
  for (const auto& [folder, package] : packages_) {
    some.push_back(package.get());
    looks += 1 + package->dependencies.size();
    for (const auto& section : package->sections) {
      looks += 1 + section->folders.size() + std::min(section->slots.size(), looks_per_job);
      for (std::size_t first = looks_per_job; first < section->slots.size(); first += looks_per_job)
        jobs.emplace_back([this, &section = *section, first] {
          check_slots(section, first, std::min(first + looks_per_job, section.slots.size()));
        });
    }
    if (looks >= looks_per_job) flush();
  }
  flush();
  return submit(std::move(jobs));
}

void Loader::check_roots() {
  const auto roots = find_roots();
  if (!roots || *roots != *found_roots_) changed_meanwhile(found_roots_->folder);
}

void Loader::check_package(const Package& package) {
  if (!package.manifest.file.empty() && !package.failure) {
    const auto stamp = files_->stat(package.manifest.file);
    if (!stamp || *stamp != package.stamp) changed_meanwhile(package.manifest.file);
  }
  for (std::size_t i = 0; i < package.dependencies.size(); ++i) {
    // Not only whether it is there: a link may lead elsewhere now.
    const auto path = detail::joined(package.manifest.folder, package.manifest.dependencies[i].path);
    const auto root = explicit_root(path, *files_);
    const auto* dependency = package.dependencies[i];
    const bool same = dependency == nullptr ? !root
                                            : root && root->folder == dependency->folder &&
                                                  root->manifest == dependency->manifest.file;
    if (!same) changed_meanwhile(path);
  }
  for (const auto& section : package.sections) check_section(package, *section);
}

void Loader::check_section(const Package& package, const Section& section) {
  if (section.absent) {
    const auto path = detail::joined(package.manifest.folder, section.path.path);
    if (files_->stat(path)) changed_meanwhile(path);
  }
  for (const auto& listed : section.folders) {
    const auto stamp = files_->stat(listed.path);
    if (stamp && *stamp == listed.stamp) continue;
    // An editor's swap file touches the folder, too.
    const auto entries = files_->list(listed.path);
    if (!entries || detail::hash_of_names(*entries) != listed.names) changed_meanwhile(listed.path);
  }
  check_slots(section, 0, std::min(section.slots.size(), looks_per_job));
}

void Loader::check_slots(const Section& section, std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last && !cancelled_; ++i) {
    const Slot& slot = section.slots[i];
    // What is read at its first use is not part of this state, and what failed to be read is an error in it.
    if (!slot.held) continue;
    const auto stamp = files_->stat(slot.file.file);
    if (!stamp || *stamp != slot.stamp) changed_meanwhile(slot.file.file);
  }
}

void Loader::changed_meanwhile(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (unsettled_.empty() || path < unsettled_) unsettled_ = path;
}

}  // namespace lllm
