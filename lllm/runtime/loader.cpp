#include "lllm/runtime/loader.hpp"

#include <algorithm>
#include <chrono>

#include "lllm/async/worker_pool.hpp"
#include "lllm/base/text.hpp"
#include "lllm/runtime/loader_parts.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {

Loader::Loader(LoadOptions options, std::shared_ptr<const LoadRecord> previous)
    : options_(std::move(options)), files_(options_.files), previous_(std::move(previous)) {
  if (!files_) files_ = std::make_shared<const FileSource>();
  if (!options_.places) options_.places = DiscoveryPlaces::of_process();
  options_.parallelism = std::max<std::size_t>(options_.parallelism, 1);
}

Loader::~Loader() = default;

void Loader::start() {
  started_ = std::chrono::steady_clock::now();
  if (!submit([this] { discover(); })) std::rethrow_exception(failure_);
}

LoadProgress Loader::progress() const {
  LoadProgress progress;
  progress.packages_found = packages_found_;
  progress.packages_done = packages_done_;
  progress.files_found = files_found_;
  progress.files_done = files_done_;
  return progress;
}

bool Loader::submit(std::function<void()> job) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(std::move(job));
  pump(lock);
  return running_ > 0;
}

bool Loader::submit(std::vector<std::function<void()>> jobs) {
  std::unique_lock lock(mutex_);
  for (auto& job : jobs) waiting_.push_back(std::move(job));
  pump(lock);
  return running_ > 0;
}

void Loader::pump(std::unique_lock<std::mutex>&) noexcept {
  try {
    while (running_ < options_.parallelism && !waiting_.empty()) {
      WorkerPool::shared().post(
          [self = shared_from_this(), job = std::move(waiting_.front())] { self->run(job); });
      waiting_.pop_front();
      ++running_;
    }
  } catch (...) {
    // A job is lost, so the load has failed: what runs ends by itself, the rest need not begin.
    if (!failure_) failure_ = std::current_exception();
    waiting_.clear();
  }
}

void Loader::run(const std::function<void()>& job) {
  try {
    if (!cancelled_) job();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
  bool last = false;
  {
    std::unique_lock lock(mutex_);
    --running_;
    pump(lock);
    last = running_ == 0;
  }
  if (last) finish();
  changed.open();
}

/// No job runs or waits.
void Loader::finish() {
  try {
    if (look_again()) return;
    merge();
  } catch (...) {
    outcome_.failure = error_from(std::current_exception());
  }
  finished_.store(true, std::memory_order_release);
}

/// Finds the root and the shared packages.
Result<Loader::Roots> Loader::find_roots() const {
  const auto found = options_.package.empty() ? discover_root(options_.start, *options_.places, *files_)
                                              : explicit_root(options_.package, *files_);
  if (!found) return found.error();
  Roots roots;
  roots.manifest = found->manifest;
  std::vector<std::string> shared;
  if (options_.project_packages)
    shared = shared_packages(detail::joined(found->project, "lllm_packages"), *files_);
  if (options_.user_packages && !options_.places->home.empty()) {
    const auto of_user = shared_packages(detail::joined(options_.places->home, ".lllm/packages"), *files_);
    shared.insert(shared.end(), of_user.begin(), of_user.end());
  }
  auto canonical = files_->canonical(found->folder);
  if (!canonical) return canonical.error();
  roots.folder = std::move(*canonical);
  for (const auto& folder : shared) {
    const auto root = explicit_root(folder, *files_);
    if (!root) continue;  // it has gone since it was listed
    Roots::Shared package;
    package.folder = root->folder;
    package.manifest = root->manifest;
    if (const auto alias = files_->read(detail::joined(folder, installed_alias_file), 256))
      package.alias = std::string(trim(alias->bytes));
    roots.shared.push_back(std::move(package));
  }
  return roots;
}

void Loader::discover() {
  auto roots = find_roots();
  if (!roots) throw_error(roots.error());
  found_roots_ = std::make_unique<const Roots>(std::move(*roots));
  if (found_roots_->manifest.empty()) {
    warnings_.emplace_back("no lllm.toml found: the standard folders of '" + found_roots_->folder +
                               "' are loaded as an anonymous package",
                           found_roots_->folder);
  }
  const auto& shared = found_roots_->shared;
  {
    const std::lock_guard lock(mutex_);
    roots_.assign(1 + shared.size(), nullptr);
  }
  roots_[0] = add_package(found_roots_->folder, found_roots_->manifest);
  for (std::size_t i = 0; i < shared.size(); ++i) {
    roots_[i + 1] = add_package(shared[i].folder, shared[i].manifest);
    if (!shared[i].alias.empty()) roots_[i + 1]->installed_alias = shared[i].alias;
  }
}

/// The package of a folder; its jobs start when it is new.
Loader::Package* Loader::add_package(const std::string& folder, std::string manifest) {
  Package* package = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = packages_[folder];
    if (slot) return slot.get();
    slot = std::make_unique<Package>();
    package = slot.get();
  }
  ++packages_found_;
  package->folder = folder;
  package->manifest.file = std::move(manifest);
  package->pending = 1;
  submit([this, package] { read_manifest(*package); });
  return package;
}

void Loader::read_manifest(Package& package) {
  const detail::Working working(package.work_ns, package.pending, packages_done_);
  if (package.manifest.file.empty()) {
    package.manifest = anonymous_manifest(package.folder);
  } else {
    const std::string file = package.manifest.file;
    const auto contents = files_->read(file, options_.file_limit);
    if (!contents) {
      package.failure = contents.error();
      return;
    }
    package.stamp = contents->stamp;
    auto manifest = parse_manifest(file, contents->bytes, &package.other_errors);
    if (!manifest) {
      package.failure = manifest.error();
      return;
    }
    package.manifest = std::move(*manifest);
  }
  package.warnings = package.manifest.warnings;
  find_dependencies(package);
  if (!package.manifest.file.empty()) notice_unlisted_folders(package);
  for (const auto& declared : package.manifest.sections) {
    for (const auto& path : declared.paths) {
      auto section = std::make_unique<Section>();
      section->name = declared.name;
      section->path = path;
      section->implied = declared.implied;
      package.sections.push_back(std::move(section));
    }
  }
  for (const auto& section : package.sections) {
    ++package.pending;
    submit([this, &package, &section = *section] { list_section(package, section); });
  }
}

void Loader::find_dependencies(Package& package) {
  for (const auto& dependency : package.manifest.dependencies) {
    package.dependencies.push_back(nullptr);
    const auto path = detail::joined(package.manifest.folder, dependency.path);
    const auto root = explicit_root(path, *files_);
    if (!root) {
      package.warnings.emplace_back("package '" + package.manifest.name + "' depends on '" + dependency.path +
                                        "', which is not there (" + path + ")",
                                    package.manifest.file, dependency.line, dependency.column);
      continue;
    }
    package.dependencies.back() = add_package(root->folder, root->manifest);
  }
}

/// A folder of prompts that the manifest does not speak of is not loaded; whoever made it wants to know why.
void Loader::notice_unlisted_folders(Package& package) {
  const auto entries = files_->list(package.manifest.folder);
  if (!entries) return;
  const auto& sections = package.manifest.sections;
  for (const auto& entry : *entries) {
    if (!entry.is_directory || !is_standard_section(entry.name)) continue;
    const auto folder = detail::joined(package.manifest.folder, entry.name);
    const auto speaks_of_it = [&](const ManifestSection& section) {
      return section.name == entry.name ||
             std::any_of(section.paths.begin(), section.paths.end(), [&](const SectionPath& path) {
               return detail::joined(package.manifest.folder, path.path) == folder;
             });
    };
    if (std::any_of(sections.begin(), sections.end(), speaks_of_it)) continue;
    const auto files = files_->list(folder);
    const auto would_be_read = [&](const DirectoryEntry& file) {
      if (file.is_directory || detail::is_skipped(file.name)) return false;
      const auto use = use_of(entry.name, file.name);
      return use == FileUse::eager || use == FileUse::lazy;
    };
    if (files && std::any_of(files->begin(), files->end(), would_be_read))
      package.warnings.emplace_back(
          "the folder '" + entry.name + "' is not loaded: the manifest has no [" + entry.name + "]",
          package.manifest.file);
  }
}

}  // namespace lllm
