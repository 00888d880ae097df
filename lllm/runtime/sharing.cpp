#include "lllm/runtime/sharing.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include "lllm/async/file_io.hpp"
#include "lllm/base/hash.hpp"
#include "lllm/base/text.hpp"
#include "lllm/runtime/discovery.hpp"
#include "lllm/runtime/manifest.hpp"
#include "lllm/runtime/resource_ref.hpp"

namespace lllm {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t largest_manifest = 1 << 20;

fs::path scope_folder(const ShareOptions& options, ShareScope scope) {
  if (scope == ShareScope::project) return fs::path(options.project) / "lllm_packages";
  std::string home = options.home;
  if (home.empty()) {
    const char* variable = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): read only
    home = variable == nullptr ? "" : variable;
  }
  if (home.empty()) throw_error(ErrorKind::configuration, "HOME is not set, so there is no user scope");
  return fs::path(home) / ".lllm/packages";
}

[[noreturn]] void refuse(const std::string& zip, const std::string& why,
                         ErrorKind kind = ErrorKind::bad_resource) {
  throw_error(Error(kind, "'" + zip + "' is refused: " + strip_terminal_escapes(to_valid_utf8(why))).at(zip));
}

[[noreturn]] void cannot_write(const fs::path& path) {
  throw_error(Error(ErrorKind::io_failed, "cannot write '" + path.string() + "'").at(path.string()));
}

using ReadArchive = std::unique_ptr<archive, int (*)(archive*)>;

/// Walks the files of a zip in order. `visit` gets the safe path and a function that reads the next bytes (0:
/// end).
class ZipReader {
 public:
  using Chunk = std::function<std::size_t(const void*& bytes)>;
  using Visit = std::function<void(const std::string& path, const Chunk& next)>;

  ZipReader(std::string zip, const ShareOptions& options) : zip_(std::move(zip)), options_(options) {}

  void walk(const Visit& visit) {
    const ReadArchive reader(archive_read_new(), archive_read_free);
    archive_read_support_format_zip(reader.get());
    if (archive_read_open_filename(reader.get(), zip_.c_str(), 65536) != ARCHIVE_OK)
      throw_error(Error(ErrorKind::io_failed, "cannot read the zip '" + zip_ + "': " + reason(reader.get()))
                      .at(zip_));
    std::set<std::string> names;
    std::uint64_t bytes_seen = 0;
    std::size_t entries = 0;
    archive_entry* entry = nullptr;
    while (true) {
      const int status = archive_read_next_header(reader.get(), &entry);
      if (status == ARCHIVE_EOF) break;
      if (status != ARCHIVE_OK) refuse(zip_, "damaged archive: " + reason(reader.get()));
      if (++entries > options_.most_files)
        refuse(zip_, "more than " + std::to_string(options_.most_files) + " entries",
               ErrorKind::limit_exceeded);
      const char* raw = archive_entry_pathname(entry);
      std::string path = raw == nullptr ? "" : raw;
      const bool folder = archive_entry_filetype(entry) == AE_IFDIR || path.ends_with('/');
      while (path.ends_with('/')) path.pop_back();
      check(path, entry, folder);
      if (!names.insert(to_lower(path)).second) refuse(zip_, "the entry '" + path + "' is there twice");
      if (folder) continue;
      const auto next = [&](const void*& bytes) -> std::size_t {
        std::size_t count = 0;
        la_int64_t offset = 0;
        const int read = archive_read_data_block(reader.get(), &bytes, &count, &offset);
        if (read == ARCHIVE_EOF) return 0;
        if (read != ARCHIVE_OK) refuse(zip_, "the entry '" + path + "' is damaged: " + reason(reader.get()));
        bytes_seen += count;  // counted here: what the headers say may be a lie
        if (bytes_seen > options_.most_bytes)
          refuse(zip_, "it unpacks to more than " + std::to_string(options_.most_bytes) + " bytes",
                 ErrorKind::limit_exceeded);
        return count;
      };
      visit(path, next);
    }
    if (entries == 0) refuse(zip_, "it is empty");
  }

 private:
  static std::string reason(archive* reader) {
    const char* text = archive_error_string(reader);
    return text == nullptr ? "unknown reason" : text;
  }
  void check(const std::string& path, archive_entry* entry, bool folder) const {
    if (const auto valid = check_resource_path(path); !valid) refuse(zip_, valid.error().message());
    if (path.find('\\') != path.npos || (path.size() > 1 && path[1] == ':'))
      refuse(zip_, "the entry '" + path + "' has a backslash or a drive");
    if (archive_entry_symlink(entry) != nullptr || archive_entry_hardlink(entry) != nullptr ||
        (!folder && archive_entry_filetype(entry) != AE_IFREG && archive_entry_filetype(entry) != 0))
      refuse(zip_, "the entry '" + path + "' is a link or a device");
  }

  std::string zip_;
  const ShareOptions& options_;
};

std::string slurp(const ZipReader::Chunk& next, std::int64_t limit, const std::string& zip,
                  const std::string& path) {
  std::string all;
  const void* bytes = nullptr;
  while (const std::size_t count = next(bytes)) {
    all.append(static_cast<const char*>(bytes), count);
    if (static_cast<std::int64_t>(all.size()) > limit)
      refuse(zip, "the manifest '" + path + "' is too large", ErrorKind::limit_exceeded);
  }
  return all;
}

/// Removes a half-made folder unless it was kept.
struct Staging {
  explicit Staging(fs::path folder) : path(std::move(folder)) {}
  ~Staging() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  fs::path path;
};

/// The new folder under its name, at once: nobody ever sees neither the old nor the new one.
void put_in_place(Staging& made, const fs::path& target) {
  if (::renameat2(AT_FDCWD, made.path.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return;
  // There is none yet, or this file system cannot exchange.
  Staging old(target.parent_path() / (".replaced-" + random_hex(8)));
  const bool replaces = fs::exists(target);
  if (replaces) fs::rename(target, old.path);
  std::error_code failure;
  fs::rename(made.path, target, failure);
  if (failure && replaces) fs::rename(old.path, target);
  if (failure) {
    old.path.clear();
    cannot_write(target);
  }
  made.path.clear();
}

Result<InstalledPackage> described(const fs::path& folder, ShareScope scope) {
  const FileSource files;
  const auto manifest_file = manifest_in(folder.string(), files);
  if (!manifest_file)
    return Error(ErrorKind::bad_resource, "no manifest in '" + folder.string() + "'").at(folder.string());
  const auto contents = read_file_blocking(*manifest_file);
  if (!contents) return contents.error();
  const auto manifest = parse_manifest(*manifest_file, contents->bytes);
  if (!manifest) return manifest.error();
  InstalledPackage package;
  package.name = manifest->name;
  package.version = manifest->version;
  package.folder = folder.string();
  package.scope = scope;
  if (const auto alias = read_file_blocking((folder / installed_alias_file).string(), 256))
    package.alias = std::string(trim(alias->bytes));
  return package;
}

template <class Action>
auto guarded(Action&& action) -> Result<std::invoke_result_t<Action>> {
  try {
    return std::forward<Action>(action)();
  } catch (...) {
    return error_from(std::current_exception());
  }
}

InstalledPackage install(const std::string& zip, const ShareOptions& options) {
  if (!options.alias.empty()) check_package_name(options.alias).value();
  // The first pass looks at everything and writes nothing.
  std::map<std::string, std::string> manifests;
  std::vector<std::string> paths;
  ZipReader(zip, options).walk([&](const std::string& path, const ZipReader::Chunk& next) {
    paths.push_back(path);
    const auto name = fs::path(path).filename().string();
    const bool is_manifest =
        std::find(std::begin(manifest_names), std::end(manifest_names), name) != std::end(manifest_names);
    if (is_manifest && std::count(path.begin(), path.end(), '/') <= 1) {
      manifests[path] = slurp(next, largest_manifest, zip, path);
      return;
    }
    const void* bytes = nullptr;
    while (next(bytes) != 0) {
    }
  });
  std::string top;  // "" or "folder/"
  const std::string* text = nullptr;
  for (const auto name : manifest_names)
    if (const auto found = manifests.find(std::string(name)); text == nullptr && found != manifests.end())
      text = &found->second;
  if (text == nullptr && !paths.empty()) {
    top = paths.front().substr(0, paths.front().find('/') + 1);
    const bool only = !top.empty() && std::all_of(paths.begin(), paths.end(), [&](const std::string& path) {
      return path.starts_with(top);
    });
    for (const auto name : manifest_names)
      if (const auto found = manifests.find(top + std::string(name));
          only && text == nullptr && found != manifests.end())
        text = &found->second;
  }
  if (text == nullptr) refuse(zip, "there is no lllm.toml at its top");
  const auto manifest = parse_manifest(zip + "/" + top + "lllm.toml", *text);
  if (!manifest) throw_error(manifest.error());
  const fs::path scope = scope_folder(options, options.scope);
  const fs::path target = scope / manifest->name;
  if (fs::exists(target) && !options.replace)
    throw_error(Error(ErrorKind::resource_conflict,
                      "package '" + manifest->name + "' is already installed in '" + target.string() + "'")
                    .at(target.string()));

  std::error_code failure;
  fs::create_directories(scope, failure);
  if (failure) cannot_write(scope);
  Staging staging(scope / (".installing-" + random_hex(8)));
  ZipReader(zip, options).walk([&](const std::string& path, const ZipReader::Chunk& next) {
    const fs::path file = staging.path / path.substr(top.size());
    fs::create_directories(file.parent_path(), failure);
    std::ofstream out(file, std::ios::binary);
    const void* bytes = nullptr;
    while (const std::size_t count = next(bytes))
      out.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count));
    if (!out.flush()) cannot_write(file);
    fs::permissions(file, fs::perms(0644), failure);
  });
  fs::remove(staging.path / installed_alias_file, failure);  // never the zip's own
  if (!options.alias.empty()) {
    std::ofstream out(staging.path / installed_alias_file);
    out << options.alias << '\n';
    if (!out.flush()) cannot_write(staging.path);
  }
  put_in_place(staging, target);
  return described(target, options.scope).value();
}

/// Collects what a zip of a package holds.
class Exporter {
 public:
  std::map<std::string, std::string> collect(const std::string& folder) {
    const auto root = explicit_root(folder, files_);
    if (!root) throw_error(root.error());
    add(*root, "");
    return std::move(entries_);
  }

 private:
  void add(const DiscoveredRoot& root, const std::string& prefix) {
    const auto contents = files_.read(root.manifest, largest_manifest);
    if (!contents) throw_error(contents.error());
    const auto manifest = parse_manifest(root.manifest, contents->bytes);
    if (!manifest) throw_error(manifest.error());
    places_[root.folder] = prefix;
    std::string text = contents->bytes;
    for (const auto& dependency : manifest->dependencies) {
      const auto target =
          explicit_root((fs::path(root.folder) / dependency.path).lexically_normal().string(), files_);
      if (!target)
        throw_error(Error(ErrorKind::bad_resource,
                          "cannot bundle '" + dependency.path + "': " + target.error().message())
                        .at(root.manifest, dependency.line, dependency.column));
      if (target->folder == root.folder || target->folder.starts_with(root.folder + '/')) continue;
      auto known = places_.find(target->folder);
      if (known == places_.end()) {
        const auto name = fs::path(target->folder).filename().string();
        std::string place = "bundled/" + name;
        for (int i = 2; taken_.contains(place); ++i) place = "bundled/" + name + "-" + std::to_string(i);
        taken_.insert(place);
        known = places_.emplace(target->folder, place + "/").first;
        add(*target, place + "/");
      }
      // From the one place in the zip to the other.
      const auto from = fs::path("/" + prefix), to = fs::path("/" + known->second);
      std::string path = to.lexically_relative(from).string();
      while (path.ends_with('/')) path.pop_back();
      text = replace_all(text, dependency.path, path);
    }
    folder(root.folder, prefix);
    entries_[prefix + fs::path(root.manifest).lexically_relative(root.folder).string()] = std::move(text);
  }

  void folder(const std::string& path, const std::string& prefix) {
    const auto found = files_.list(path);
    if (!found) throw_error(found.error());
    for (const auto& entry : *found) {
      const auto whole = path + '/' + entry.name;
      const bool manifest = entry.name == ".lllm.toml";
      if ((entry.name.starts_with('.') && !manifest) || entry.name == "lllm_packages" ||
          entry.name == "__pycache__" || fs::is_symlink(whole))
        continue;
      if (entry.is_directory) {
        folder(whole, prefix + entry.name + '/');
        continue;
      }
      auto contents = files_.read(whole, default_file_limit);
      if (!contents) throw_error(contents.error());
      entries_[prefix + entry.name] = std::move(contents->bytes);
    }
  }

  FileSource files_;
  std::map<std::string, std::string> entries_;
  std::map<std::string, std::string> places_;
  std::set<std::string> taken_;
};

std::vector<std::string> write_zip(const std::map<std::string, std::string>& entries,
                                   const std::string& zip) {
  using WriteArchive = std::unique_ptr<archive, int (*)(archive*)>;
  using Entry = std::unique_ptr<archive_entry, void (*)(archive_entry*)>;
  const std::string staged = zip + ".part";
  const WriteArchive writer(archive_write_new(), archive_write_free);
  archive_write_set_format_zip(writer.get());
  if (archive_write_open_filename(writer.get(), staged.c_str()) != ARCHIVE_OK) cannot_write(zip);
  std::vector<std::string> names;
  for (const auto& [path, bytes] : entries) {
    const Entry entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 315532800, 0);  // 1980: equal packages give equal zips
    if (archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK ||
        archive_write_data(writer.get(), bytes.data(), bytes.size()) < 0)
      cannot_write(zip);
    names.push_back(path);
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) cannot_write(zip);
  fs::rename(staged, zip);
  return names;
}

}  // namespace

Result<InstalledPackage> install_package(const std::string& zip, const ShareOptions& options) {
  return guarded([&] { return install(zip, options); });
}

Result<std::vector<std::string>> export_package(const std::string& folder, const std::string& zip) {
  return guarded([&] { return write_zip(Exporter().collect(folder), zip); });
}

Result<std::vector<InstalledPackage>> list_packages(const ShareOptions& options) {
  return guarded([&] {
    const FileSource files;
    std::vector<InstalledPackage> packages;
    for (const auto scope : {ShareScope::project, ShareScope::user})
      for (const auto& folder : shared_packages(scope_folder(options, scope).string(), files))
        if (auto package = described(folder, scope)) packages.push_back(std::move(*package));
    return packages;
  });
}

Result<> remove_package(const std::string& name, const ShareOptions& options) {
  if (const auto valid = check_package_name(name); !valid) return valid.error();
  const auto packages = list_packages(options);
  if (!packages) return packages.error();
  for (const auto& package : *packages) {
    if (package.name != name || package.scope != options.scope) continue;
    std::error_code failure;
    fs::remove_all(package.folder, failure);
    if (failure)
      return Error(ErrorKind::io_failed, "cannot remove '" + package.folder + "': " + failure.message());
    return {};
  }
  return Error(ErrorKind::resource_not_found, "package '" + name + "' is not installed in this scope");
}

}  // namespace lllm
