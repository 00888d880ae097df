#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "lllm/base/error.hpp"

namespace lllm {

namespace asio = boost::asio;

/// What tells one state of a file from another without reading it.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t modified_ns = 0;  ///< since 1970
  friend auto operator<=>(const FileStamp&, const FileStamp&) = default;
};

struct FileContents {
  std::string bytes;
  FileStamp stamp;  ///< of the very bytes read
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;  ///< symbolic links are followed
  friend auto operator<=>(const DirectoryEntry&, const DirectoryEntry&) = default;
};

inline constexpr std::int64_t default_file_limit = std::int64_t{64} << 20;

/// Reads a whole regular file. `io_failed` names the file and the reason: missing, unreadable, a FIFO, device
/// or directory (none is ever opened for reading), or changed while it was read. `limit_exceeded`: more than
/// `limit` bytes. Blocks: for worker threads and programs without a loop.
Result<FileContents> read_file_blocking(const std::string& path, std::int64_t limit = default_file_limit);
Result<FileStamp> stat_file_blocking(const std::string& path);
/// The names in a folder, sorted by bytes. Entries that are neither files nor folders, and dangling links,
/// are listed as files: reading them gives the error that names them.
Result<std::vector<DirectoryEntry>> list_directory_blocking(const std::string& path);

/// read_file_blocking on the shared WorkerPool.
/// @throws Exception as read_file_blocking; `cancelled`. Cancellation: terminal.
asio::awaitable<FileContents> read_file(std::string path, std::int64_t limit = default_file_limit);

}  // namespace lllm
