#include "lllm/runtime/file_source.hpp"

#include <filesystem>

namespace lllm {

Result<FileContents> FileSource::read(const std::string& path, std::int64_t limit) const {
  return read_file_blocking(path, limit);
}

Result<std::vector<DirectoryEntry>> FileSource::list(const std::string& path) const {
  return list_directory_blocking(path);
}

Result<FileStamp> FileSource::stat(const std::string& path) const {
  return stat_file_blocking(path);
}

bool FileSource::is_directory(const std::string& path) const {
  std::error_code failure;
  return std::filesystem::is_directory(path, failure);
}

Result<std::string> FileSource::canonical(const std::string& path) const {
  std::error_code failure;
  const auto canonical = std::filesystem::canonical(path, failure);
  if (failure)
    return Error(ErrorKind::io_failed, "cannot resolve '" + path + "': " + failure.message())
        .code(failure)
        .at(path);
  return canonical.string();
}

}  // namespace lllm
