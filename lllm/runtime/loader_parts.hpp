#pragma once

// What a Loader works on; for its own sources only.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lllm/runtime/loader.hpp"

namespace lllm {

/// Where a load begins, as the folders stood at one time.
struct Loader::Roots {
  std::string folder;  // canonical
  std::string manifest;
  struct Shared {
    std::string folder;
    std::string manifest;
    std::string alias;  // given when it was installed from a zip
    friend bool operator==(const Shared&, const Shared&) = default;
  };
  std::vector<Shared> shared;
  friend bool operator==(const Roots&, const Roots&) = default;
};

/// One file's place in the result.
struct Loader::Slot {
  SectionFile file;
  FileUse use = FileUse::eager;
  FileStamp stamp;
  bool held = false;  // its bytes, of this stamp, are part of the result
  std::vector<NodePtr> nodes;
  std::vector<Diagnostic> warnings;
  std::vector<Error> other_errors;  // the mistakes in the file after the first

  void list_errors(std::vector<Error>& list) const {
    if (nodes.size() == 1 && nodes.front()->failure() != nullptr) list.push_back(*nodes.front()->failure());
    list.insert(list.end(), other_errors.begin(), other_errors.end());
  }
};

/// A folder that was listed.
struct Loader::Listed {
  std::string path;
  FileStamp stamp;        // of before
  std::size_t names = 0;  // a hash of the entries that matter
};

/// One path of one section.
struct Loader::Section {
  std::string name;
  SectionPath path;
  bool implied = false;
  std::vector<Slot> slots;
  std::string python_file;  // the first one
  bool absent = false;
  std::vector<Listed> folders;
  std::vector<Diagnostic> warnings;
  std::vector<Error> errors;
};

struct Loader::Package {
  std::string folder;  // canonical
  Manifest manifest;
  FileStamp stamp;  // of the manifest
  bool shared = false;
  std::string installed_alias;  // given when it was installed from a zip
  std::optional<Error> failure;
  std::vector<Error> other_errors;  // the mistakes in its manifest after that one
  std::vector<std::unique_ptr<Section>> sections;
  std::vector<Package*> dependencies;  // null: missing
  std::vector<Diagnostic> warnings;
  std::vector<std::string> aliases;
  std::atomic<std::int64_t> work_ns{0};
  std::atomic<std::size_t> pending{0};
};

namespace detail {

inline std::string joined(const std::string& folder, const std::string& path) {
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

inline bool is_skipped(const std::string& name) {
  return name.starts_with('.') || name.starts_with('_');
}

/// Equal for listings that a load does not tell apart.
std::size_t hash_of_names(const std::vector<DirectoryEntry>& entries);

/// Adds its lifetime to a package's work, and notices the package's last job.
class Working {
 public:
  Working(std::atomic<std::int64_t>& work_ns, std::atomic<std::size_t>& pending,
          std::atomic<std::size_t>& packages_done)
      : work_ns_(work_ns), pending_(pending), packages_done_(packages_done) {}
  ~Working() {
    work_ns_ += std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin_).count();
    if (--pending_ == 0) ++packages_done_;
  }
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;

 private:
  std::atomic<std::int64_t>& work_ns_;
  std::atomic<std::size_t>& pending_;
  std::atomic<std::size_t>& packages_done_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace detail
}  // namespace lllm
