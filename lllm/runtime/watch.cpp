#include "lllm/runtime/watch.hpp"

#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/async/worker_pool.hpp"
#include "lllm/runtime/loader.hpp"
#include "lllm/runtime/reload.hpp"
#include "lllm/runtime/runtime.hpp"

namespace lllm {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t interesting = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |
                                      IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR;

Error system_failure(const char* what, int number) {
  const boost::system::error_code code(number, boost::system::system_category());
  return Error(number == EMFILE || number == ENFILE || number == ENOSPC ? ErrorKind::resource_exhausted
                                                                        : ErrorKind::io_failed,
               std::string(what) + ": " + code.message())
      .code(code);
}

/// The folders that are watched, by one inotify descriptor. Nothing of Asio's: a worker thread may hold it
/// longer than the io_context lives.
class Watches {
 public:
  Watches() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (inotify_ < 0) throw_error(system_failure("cannot watch files", errno));
  }
  ~Watches() { ::close(inotify_); }
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  /// Another descriptor of the same watches, to wait on.
  [[nodiscard]] int duplicate() const {
    const int number = ::fcntl(inotify_, F_DUPFD_CLOEXEC, 0);
    if (number < 0) throw_error(system_failure("cannot watch files", errno));
    return number;
  }

  /// Watches every folder that is there. True when some of them are new. Blocks (a few microseconds each).
  /// A folder that was deleted and made again has another inode, and so another watch.
  bool update(const std::set<std::string>& folders) {
    bool fresh = false;
    missing_ = false;
    std::map<std::string, int> watched;
    for (const auto& folder : folders) {
      const int watch = ::inotify_add_watch(inotify_, folder.c_str(), interesting);
      if (watch < 0 && errno == ENOSPC)
        throw_error(system_failure("cannot watch files: fs.inotify.max_user_watches is reached", ENOSPC));
      if (watch < 0) {
        missing_ = true;
        continue;
      }
      const auto known = watched_.find(folder);
      fresh = fresh || known == watched_.end() || known->second != watch;
      watched[folder] = watch;
    }
    for (const auto& [folder, watch] : watched_)
      if (!watched.contains(folder)) ::inotify_rm_watch(inotify_, watch);
    watched_ = std::move(watched);
    return fresh;
  }
  /// Some folder could not be watched: it may come back without a sign.
  [[nodiscard]] bool missing() const { return missing_; }

 private:
  int inotify_;
  std::map<std::string, int> watched_;
  bool missing_ = false;
};

/// Waits until something happens or `limit` passes. False: it passed.
asio::awaitable<bool> something_happens(asio::posix::stream_descriptor& descriptor,
                                        std::chrono::milliseconds limit) {
  asio::steady_timer timer(descriptor.get_executor(), limit);
  std::array<char, 4096> events;  // what happened does not matter: a reload looks at everything
  auto group = asio::experimental::make_parallel_group(
      descriptor.async_read_some(asio::buffer(events), asio::deferred), timer.async_wait(asio::deferred));
  const auto [order, read_failure, count, timer_failure] =
      co_await std::move(group).async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (order[0] == 1) co_return false;
  if (read_failure) throw_error(system_failure("cannot watch files", read_failure.value()));
  co_return true;
}

std::set<std::string> folders_of(const Runtime& runtime, const std::vector<std::string>& more) {
  std::set<std::string> folders(more.begin(), more.end());
  for (const auto& record : runtime.load_records())
    folders.insert(record->folders.begin(), record->folders.end());
  return folders;
}

}  // namespace

asio::awaitable<void> Runtime::watch(WatchOptions options) {
  const auto executor = co_await asio::this_coro::executor;
  const auto watches = std::make_shared<Watches>();
  asio::posix::stream_descriptor events(executor, watches->duplicate());
  std::vector<std::string> seen;  // folders of a reload that was not published
  bool announced = false;
  bool changed = false;
  bool unsettled = false;
  while (true) {
    if (changed) {
      const auto give_up = std::chrono::steady_clock::now() + 20 * options.debounce;
      while (std::chrono::steady_clock::now() < give_up) {
        auto more = something_happens(events, options.debounce);
        if (!co_await std::move(more)) break;
      }
      auto pending = detail::try_reload(*this);
      auto attempt = co_await std::move(pending);
      seen = std::move(attempt.folders);
      unsettled = attempt.unsettled;
      WatchEvent event;
      event.report = std::move(attempt.report);
      event.failure = std::move(attempt.failure);
      if (options.on_change && (event.failure || event.report.published)) options.on_change(event);
    }
    auto job = [watches, folders = folders_of(*this, seen)] { return watches->update(folders); };
    auto updating = WorkerPool::shared().run(std::move(job));
    // What changed in a folder before its watch stood has left no sign, so new folders are looked at once
    // more. What did not come to rest may have done so in a folder that has no watch.
    changed = co_await std::move(updating) || unsettled;
    if (!announced) {
      announced = true;
      if (options.on_change) options.on_change(WatchEvent());
      continue;
    }
    if (changed) continue;
    auto waiting = something_happens(events, watches->missing() ? 500ms : 3'600'000ms);
    changed = co_await std::move(waiting) || watches->missing();
  }
}

}  // namespace lllm
