#include "lllm/runtime/loader.hpp"

#include <algorithm>
#include <filesystem>

#include "lllm/async/worker_pool.hpp"
#include "lllm/base/text.hpp"
#include "lllm/runtime/loader_parts.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Files read by one job: large enough that handing jobs around costs nothing beside the reads, small enough
/// that one big package keeps all workers busy and a cancellation is seen soon.
constexpr std::size_t files_per_job = 64;
constexpr std::size_t deepest_folder = 64;

std::string joined(const std::string& folder, const std::string& path) {
  return (fs::path(folder) / path).lexically_normal().string();
}

bool is_skipped(const std::string& name) {
  return name.starts_with('.') || name.starts_with('_');
}

}  // namespace

Loader::Loader(LoadOptions options, std::shared_ptr<const LoadRecord> previous)
    : options_(std::move(options)), files_(options_.files), previous_(std::move(previous)) {
  if (!files_) files_ = std::make_shared<const FileSource>();
  if (!options_.places) options_.places = DiscoveryPlaces::of_process();
  options_.parallelism = std::max<std::size_t>(options_.parallelism, 1);
}

Loader::~Loader() = default;

void Loader::start() {
  started_ = Clock::now();
  submit([this] { discover(); });
}

LoadProgress Loader::progress() const {
  LoadProgress progress;
  progress.packages_found = packages_found_;
  progress.packages_done = packages_done_;
  progress.files_found = files_found_;
  progress.files_done = files_done_;
  return progress;
}

void Loader::submit(std::function<void()> job) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(std::move(job));
  pump(lock);
}

void Loader::pump(std::unique_lock<std::mutex>&) {
  while (running_ < options_.parallelism && !waiting_.empty()) {
    ++running_;
    WorkerPool::shared().post(
        [self = shared_from_this(), job = std::move(waiting_.front())] { self->run(job); });
    waiting_.pop_front();
  }
}

void Loader::run(const std::function<void()>& job) {
  try {
    if (!cancelled_) job();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = error_from(std::current_exception());
  }
  bool last = false;
  {
    std::unique_lock lock(mutex_);
    --running_;
    pump(lock);
    last = running_ == 0;
  }
  if (last) {
    try {
      merge();
    } catch (...) {
      outcome_.failure = error_from(std::current_exception());
    }
    finished_.store(true, std::memory_order_release);
  }
  changed.open();
}

/// Finds the root and the shared packages.
void Loader::discover() {
  const auto found = options_.package.empty() ? discover_root(options_.start, *options_.places, *files_)
                                              : explicit_root(options_.package, *files_);
  if (!found) throw_error(found.error());
  if (found->manifest.empty()) {
    warnings_.emplace_back("no lllm.toml found: the standard folders of '" + found->folder +
                               "' are loaded as an anonymous package",
                           found->folder);
  }
  std::vector<std::string> shared;
  if (options_.project_packages) shared = shared_packages(joined(found->project, "lllm_packages"), *files_);
  if (options_.user_packages && !options_.places->home.empty()) {
    const auto of_user = shared_packages(joined(options_.places->home, ".lllm/packages"), *files_);
    shared.insert(shared.end(), of_user.begin(), of_user.end());
  }
  const auto canonical = files_->canonical(found->folder);
  if (!canonical) throw_error(canonical.error());
  {
    const std::lock_guard lock(mutex_);
    roots_.assign(1 + shared.size(), nullptr);
  }
  roots_[0] = add_package(*canonical, found->manifest);
  for (std::size_t i = 0; i < shared.size(); ++i) {
    const auto root = explicit_root(shared[i], *files_);
    if (!root) continue;  // it has gone since it was listed
    roots_[i + 1] = add_package(root->folder, root->manifest);
    if (const auto alias = files_->read(joined(shared[i], installed_alias_file), 256); alias && roots_[i + 1])
      roots_[i + 1]->installed_alias = std::string(trim(alias->bytes));
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

namespace {

/// Adds its lifetime to a package's work, and notices the package's last job.
class Working {
 public:
  Working(std::atomic<std::int64_t>& work_ns, std::atomic<std::size_t>& pending,
          std::atomic<std::size_t>& packages_done)
      : work_ns_(work_ns), pending_(pending), packages_done_(packages_done) {}
  ~Working() {
    work_ns_ += std::chrono::nanoseconds(Clock::now() - begin_).count();
    if (--pending_ == 0) ++packages_done_;
  }
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;

 private:
  std::atomic<std::int64_t>& work_ns_;
  std::atomic<std::size_t>& pending_;
  std::atomic<std::size_t>& packages_done_;
  Clock::time_point begin_ = Clock::now();
};

}  // namespace

void Loader::read_manifest(Package& package) {
  const Working working(package.work_ns, package.pending, packages_done_);
  if (package.manifest.file.empty()) {
    package.manifest = anonymous_manifest(package.folder);
  } else {
    const std::string file = package.manifest.file;
    const auto contents = files_->read(file, options_.file_limit);
    if (!contents) {
      package.failure = contents.error();
      return;
    }
    auto manifest = parse_manifest(file, contents->bytes);
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
    const auto path = joined(package.manifest.folder, dependency.path);
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
    const auto folder = joined(package.manifest.folder, entry.name);
    const auto speaks_of_it = [&](const ManifestSection& section) {
      return section.name == entry.name ||
             std::any_of(section.paths.begin(), section.paths.end(), [&](const SectionPath& path) {
               return joined(package.manifest.folder, path.path) == folder;
             });
    };
    if (std::any_of(sections.begin(), sections.end(), speaks_of_it)) continue;
    const auto files = files_->list(folder);
    const auto would_be_read = [&](const DirectoryEntry& file) {
      if (file.is_directory || is_skipped(file.name)) return false;
      const auto use = use_of(entry.name, file.name);
      return use == FileUse::eager || use == FileUse::lazy;
    };
    if (files && std::any_of(files->begin(), files->end(), would_be_read))
      package.warnings.emplace_back(
          "the folder '" + entry.name + "' is not loaded: the manifest has no [" + entry.name + "]",
          package.manifest.file);
  }
}

void Loader::list_section(Package& package, Section& section) {
  const Working working(package.work_ns, package.pending, packages_done_);
  const auto path = joined(package.manifest.folder, section.path.path);
  const auto stamp = files_->stat(path);
  if (!stamp) {
    const auto listed = [&] {
      const auto& folders = previous_->folders;
      return std::find(folders.begin(), folders.end(), path) != folders.end();
    };
    if (previous_ && listed())
      section.errors.push_back(
          Error(ErrorKind::io_failed, "the folder '" + path + "' of section [" + section.name + "] has gone")
              .at(path));
    else if (!section.implied)
      section.warnings.emplace_back(
          "section [" + section.name + "]: no '" + section.path.path + "' (" + path + ")",
          package.manifest.file, section.path.line, section.path.column);
    return;
  }
  if (files_->is_directory(path)) {
    std::vector<FileStamp> above;
    list_folder(package, section, path, section.path.prefix, above);
  } else {
    const auto name = fs::path(path).filename().string();
    add_file(package, section, path, section.path.prefix.empty() ? name : section.path.prefix + '/' + name);
  }
  files_found_ += section.slots.size();
  changed.open();
  // The first files are read here; a small section is one job.
  for (std::size_t first = files_per_job; first < section.slots.size(); first += files_per_job) {
    ++package.pending;
    const auto last = std::min(first + files_per_job, section.slots.size());
    submit([this, &package, &section, first, last] {
      const Working part(package.work_ns, package.pending, packages_done_);
      read_files(package, section, first, last);
    });
  }
  read_files(package, section, 0, std::min(files_per_job, section.slots.size()));
}

void Loader::list_folder(Package& package, Section& section, const std::string& folder,
                         const std::string& prefix, std::vector<FileStamp>& above) {
  if (cancelled_) return;
  const auto stamp = files_->stat(folder);
  const auto entries = files_->list(folder);
  if (!stamp || !entries) {
    section.errors.push_back(stamp ? entries.error() : stamp.error());
    return;
  }
  const auto same = [&](const FileStamp& other) {
    return other.inode == stamp->inode && other.device == stamp->device;
  };
  if (std::any_of(above.begin(), above.end(), same)) {
    section.errors.push_back(Error(ErrorKind::bad_resource,
                                   "'" + folder + "' is a symbolic link to a folder that holds it (a loop)")
                                 .at(folder));
    return;
  }
  if (above.size() >= deepest_folder) {
    section.errors.push_back(
        Error(ErrorKind::limit_exceeded, "'" + folder + "' is nested deeper than 64 folders").at(folder));
    return;
  }
  above.push_back(*stamp);
  section.folders.push_back(folder);
  for (const auto& entry : *entries) {
    if (is_skipped(entry.name)) continue;
    const auto path = folder + '/' + entry.name;
    auto key = prefix.empty() ? entry.name : prefix + '/' + entry.name;
    if (entry.is_directory)
      list_folder(package, section, path, key, above);
    else
      add_file(package, section, path, std::move(key));
  }
  above.pop_back();
}

void Loader::add_file(Package& package, Section& section, const std::string& file, std::string path) {
  const auto use = use_of(section.name, path);
  if (use == FileUse::other) return;
  if (use == FileUse::unread) {
    section.warnings.emplace_back(
        "[" + section.name + "] takes no such file" +
            (section.name == "context_managers" ? ": context managers are registered from C++" : ""),
        file);
    return;
  }
  if (use == FileUse::plugin && !options_.plugins) {
    section.warnings.emplace_back("the plugin is not opened: LoadOptions::plugins does not allow it", file);
    return;
  }
  if (use == FileUse::python) {
    if (section.python_file.empty()) section.python_file = file;
    return;
  }
  Slot slot;
  slot.file.package = package.manifest.name;
  slot.file.section = section.name;
  slot.file.path = std::move(path);
  slot.file.file = file;
  slot.use = use;
  if (const auto valid = check_resource_path(slot.file.path); !valid) {
    section.errors.push_back(Error(valid.error()).at(file));
    return;
  }
  if (!is_utf8(slot.file.path)) {
    section.errors.push_back(
        Error(ErrorKind::bad_resource, "the file's name is not UTF-8").at(to_valid_utf8(file)));
    return;
  }
  section.slots.push_back(std::move(slot));
}

void Loader::read_files(Package&, Section& section, std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last; ++i) {
    if (cancelled_) return;
    read_file(section.slots[i]);
    ++files_done_;
  }
}

void Loader::read_file(Slot& slot) {
  const auto fail = [&](const Error& error) {
    slot.error = error;
    auto node = broken_node(slot.file, error);
    slot.error = *node->failure();  // with the file's name in it
    slot.nodes.assign(1, node);
  };
  bool in_use = false;
  if (previous_ || slot.use == FileUse::lazy) {
    const auto stamp = files_->stat(slot.file.file);
    if (!stamp) return fail(stamp.error());
    slot.stamp = *stamp;
    if (previous_) {
      const auto known = previous_->files.find(slot.file.file);
      if (known != previous_->files.end() && known->second.id == slot.file.ns() + ':' + slot.file.path) {
        if (known->second.stamp == *stamp) {
          slot.nodes = known->second.nodes;
          slot.warnings = known->second.warnings;
          ++files_reused_;
          return;
        }
        in_use = !known->second.nodes.empty() && known->second.nodes.front()->is_loaded();
      }
    }
    if (slot.use == FileUse::lazy) {
      auto node = lazy_node(slot.file, files_, options_.file_limit);
      // Somebody has read the old one and will expect the new one to be as good: a half-written file must
      // show now.
      if (in_use)
        if (const auto loaded = node->load_blocking(); !loaded) return fail(loaded.error());
      slot.nodes.assign(1, node);
      return;
    }
  }
  Result<SectionContents> found = SectionContents();
  if (slot.use == FileUse::plugin) {
    found = read_plugin(slot.file);
  } else {
    const auto contents = files_->read(slot.file.file, options_.file_limit);
    ++files_read_;
    if (!contents) return fail(contents.error());
    slot.stamp = contents->stamp;
    found = read_section_file(slot.file, contents->bytes);
  }
  if (!found) return fail(found.error());
  slot.nodes = std::move(found->nodes);
  slot.warnings = std::move(found->warnings);
}

}  // namespace lllm
