#pragma once

#include <string>
#include <vector>

#include "lllm/async/file_io.hpp"
#include "lllm/base/error.hpp"

namespace lllm {

/// Where a load gets its bytes: the file system, or what a test or an application puts in its place. Called
/// from several worker threads at once; may block.
class FileSource {
 public:
  virtual ~FileSource() = default;
  [[nodiscard]] virtual Result<FileContents> read(const std::string& path, std::int64_t limit) const;
  [[nodiscard]] virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) const;
  /// `io_failed` when there is nothing.
  [[nodiscard]] virtual Result<FileStamp> stat(const std::string& path) const;
  [[nodiscard]] virtual bool is_directory(const std::string& path) const;
  /// Without links, `.` and `..`: equal for equal files.
  [[nodiscard]] virtual Result<std::string> canonical(const std::string& path) const;
};

}  // namespace lllm
