// The half of a load that finds and reads the files of a section.
#include <algorithm>
#include <filesystem>

#include "lllm/base/text.hpp"
#include "lllm/runtime/loader.hpp"
#include "lllm/runtime/loader_parts.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {
namespace {

namespace fs = std::filesystem;

/// Files read by one job: large enough that handing jobs around costs nothing beside the reads, small enough
/// that one big package keeps all workers busy and a cancellation is seen soon.
constexpr std::size_t files_per_job = 64;
constexpr std::size_t deepest_folder = 64;

}  // namespace

/// A section of somebody's own with neither paths nor a folder holds nothing: the name is a slip, as a rule.
Diagnostic Loader::empty_custom_section(const Package& package, const Section& section) {
  std::string message = "section [" + section.name + "]: there is no folder '" + section.name + "'";
  const auto meant = near_matches(
      section.name,
      {"assets", "configs", "context_managers", "prompts", "proxies", "services", "tactics", "tools"}, 1);
  if (!meant.empty()) message += "; did you mean [" + meant.front() + "]?";
  return Diagnostic(message, package.manifest.file, section.path.line, section.path.column);
}

void Loader::list_section(Package& package, Section& section) {
  const detail::Working working(package.work_ns, package.pending, packages_done_);
  const auto path = detail::joined(package.manifest.folder, section.path.path);
  const auto stamp = files_->stat(path);
  if (!stamp) {
    section.absent = true;
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
    else if (!is_standard_section(section.name))
      section.warnings.push_back(empty_custom_section(package, section));
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
      const detail::Working part(package.work_ns, package.pending, packages_done_);
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
  section.folders.push_back({folder, *stamp, detail::hash_of_names(*entries)});
  for (const auto& entry : *entries) {
    if (detail::is_skipped(entry.name)) continue;
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
  const auto fail = [&](const Error& error) { slot.nodes.assign(1, broken_node(slot.file, error)); };
  bool in_use = false;
  if (previous_ || slot.use == FileUse::lazy) {
    const auto stamp = files_->stat(slot.file.file);
    if (!stamp) return fail(stamp.error());
    slot.stamp = *stamp;
    if (previous_) {
      const auto known = previous_->files.find(slot.file.file);
      if (known != previous_->files.end() && known->second.id == slot.file.ns() + ':' + slot.file.path) {
        if (known->second.stamp == *stamp) {
          slot.held = slot.use != FileUse::lazy;
          slot.nodes = known->second.nodes;
          slot.warnings = known->second.warnings;
          slot.other_errors = known->second.other_errors;
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
      if (in_use) {
        slot.held = true;
        if (const auto loaded = node->load_blocking(); !loaded) return fail(loaded.error());
      }
      slot.nodes.assign(1, node);
      return;
    }
  }
  Result<SectionContents> found = SectionContents();
  if (slot.use == FileUse::plugin) {
    if (const auto stamp = files_->stat(slot.file.file)) slot.stamp = *stamp;
    slot.held = true;
    found = read_plugin(slot.file);
  } else {
    const auto contents = files_->read(slot.file.file, options_.file_limit);
    ++files_read_;
    if (!contents) return fail(contents.error());
    slot.stamp = contents->stamp;
    slot.held = true;
    found = read_section_file(slot.file, contents->bytes, slot.other_errors);
    for (auto& error : slot.other_errors) error.at(slot.file.file, error.line(), error.column());
  }
  if (!found) return fail(found.error());
  slot.nodes = std::move(found->nodes);
  slot.warnings = std::move(found->warnings);
}

}  // namespace lllm
