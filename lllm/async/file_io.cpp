#include "lllm/async/file_io.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lllm/async/worker_pool.hpp"

namespace lllm {
namespace {

Error failed(const char* what, const std::string& path, int number) {
  const boost::system::error_code code(number, boost::system::system_category());
  return Error(ErrorKind::io_failed, std::string(what) + " '" + path + "': " + code.message())
      .code(code)
      .at(path);
}

FileStamp stamp_of(const struct stat& status) {
  FileStamp stamp;
  stamp.device = static_cast<std::uint64_t>(status.st_dev);
  stamp.inode = static_cast<std::uint64_t>(status.st_ino);
  stamp.size = static_cast<std::int64_t>(status.st_size);
  stamp.modified_ns = status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
  return stamp;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

Result<FileContents> read_file_blocking(const std::string& path, std::int64_t limit) {
  // O_NONBLOCK: opening a FIFO without a writer would block for ever.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.number() < 0) return failed("cannot open", path, errno);
  struct stat before{};
  if (::fstat(file.number(), &before) != 0) return failed("cannot stat", path, errno);
  if (!S_ISREG(before.st_mode))
    return Error(ErrorKind::io_failed, "'" + path + "' is not a regular file").at(path);
  const auto too_large = [&] {
    return Error(ErrorKind::limit_exceeded,
                 "'" + path + "' is larger than " + std::to_string(limit) + " bytes")
        .at(path);
  };
  if (before.st_size > limit) return too_large();
  FileContents contents;
  contents.stamp = stamp_of(before);
  // One byte more than expected: a full read then also proves the end of the file.
  contents.bytes.resize(static_cast<std::size_t>(before.st_size) + 1);
  std::size_t used = 0;
  while (true) {
    const auto count = ::read(file.number(), contents.bytes.data() + used, contents.bytes.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("cannot read", path, errno);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
    if (static_cast<std::int64_t>(used) > limit) return too_large();  // it grew, or /proc says 0 bytes
    // A regular file that gives less than there is room for has no more; files of /proc, of 0 bytes, may.
    if (used < contents.bytes.size() && before.st_size > 0) break;
    if (used == contents.bytes.size()) contents.bytes.resize(used * 2);
  }
  contents.bytes.resize(used);
  struct stat after{};
  if (::fstat(file.number(), &after) != 0) return failed("cannot stat", path, errno);
  const bool short_read = static_cast<std::int64_t>(used) != before.st_size && before.st_size != 0;
  if (short_read || stamp_of(after) != contents.stamp)
    return Error(ErrorKind::io_failed, "'" + path + "' changed while it was read").at(path);
  return contents;
}

Result<FileStamp> stat_file_blocking(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return failed("cannot stat", path, errno);
  return stamp_of(status);
}

Result<std::vector<DirectoryEntry>> list_directory_blocking(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return failed("cannot list", path, errno);
  std::vector<DirectoryEntry> entries;
  while (true) {
    errno = 0;
    const dirent* found = ::readdir(directory.get());
    if (found == nullptr) {
      if (errno != 0) return failed("cannot list", path, errno);
      break;
    }
    DirectoryEntry entry;
    entry.name = found->d_name;
    if (entry.name == "." || entry.name == "..") continue;
    entry.is_directory = found->d_type == DT_DIR;
    if (found->d_type == DT_LNK || found->d_type == DT_UNKNOWN) {
      struct stat status{};
      if (::stat((path + '/' + entry.name).c_str(), &status) == 0)
        entry.is_directory = S_ISDIR(status.st_mode);
    }
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

asio::awaitable<FileContents> read_file(std::string path, std::int64_t limit) {
  auto job = [path = std::move(path), limit] { return read_file_blocking(path, limit); };
  auto pending = WorkerPool::shared().run(std::move(job));
  auto contents = co_await std::move(pending);
  if (!contents) throw_error(contents.error());
  co_return std::move(*contents);
}

}  // namespace lllm
