#pragma once

#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "lllm/runtime/file_source.hpp"

namespace lllm::test {

/// A tree of files in memory, whose answers take a different, seeded, number of turns each time.
class MemoryFiles : public FileSource {
 public:
  explicit MemoryFiles(std::map<std::string, std::string> files, unsigned seed = 0)
      : files_(std::move(files)), random_(seed), jitter_(seed != 0) {}

  Result<FileContents> read(const std::string& path, std::int64_t) const override {
    dawdle();
    const auto found = files_.find(path);
    if (found == files_.end()) return missing(path);
    FileContents contents;
    contents.bytes = found->second;
    contents.stamp = stamp_of(path);
    return contents;
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) const override {
    dawdle();
    std::map<std::string, bool> names;
    for (const auto& [file, bytes] : files_) {
      if (file.compare(0, path.size() + 1, path + '/') != 0) continue;
      const auto rest = file.substr(path.size() + 1);
      const auto slash = rest.find('/');
      names[rest.substr(0, slash)] = slash != rest.npos;
    }
    std::vector<DirectoryEntry> entries;
    for (const auto& [name, folder] : names) {
      DirectoryEntry entry;
      entry.name = name;
      entry.is_directory = folder;
      entries.push_back(entry);
    }
    return entries;
  }
  Result<FileStamp> stat(const std::string& path) const override {
    if (files_.contains(path) || is_directory(path)) return stamp_of(path);
    return missing(path);
  }
  bool is_directory(const std::string& path) const override {
    const auto next = files_.lower_bound(path + '/');
    return next != files_.end() && next->first.compare(0, path.size() + 1, path + '/') == 0;
  }
  Result<std::string> canonical(const std::string& path) const override {
    if (files_.contains(path) || is_directory(path)) return path;
    return missing(path);
  }

 private:
  static Error missing(const std::string& path) {
    return Error(ErrorKind::io_failed, "no '" + path + "'").at(path);
  }
  static FileStamp stamp_of(const std::string& path) {
    FileStamp stamp;
    stamp.inode = std::hash<std::string>()(path);
    return stamp;
  }
  void dawdle() const {
    if (!jitter_) return;
    unsigned turns = 0;
    {
      const std::lock_guard lock(mutex_);
      turns = random_() % 8;
    }
    for (unsigned i = 0; i < turns; ++i) std::this_thread::yield();
  }

  std::map<std::string, std::string> files_;
  mutable std::mutex mutex_;
  mutable std::minstd_rand random_;
  bool jitter_;
};

}  // namespace lllm::test
