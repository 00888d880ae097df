#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "lllm/base/error.hpp"
#include "lllm/runtime/load_report.hpp"

namespace lllm {

/// What Runtime::watch tells after files have changed.
struct WatchEvent {
  WatchEvent() = default;
  LoadReport report;             ///< `published` says whether readers see something new
  std::optional<Error> failure;  ///< why the last good state was kept; the report lists all errors of files
};

/// How to watch. Linux: inotify on every folder of every loaded package.
struct WatchOptions {
  WatchOptions() = default;
  /// A reload starts when nothing has changed for this long: editors write in several steps.
  std::chrono::milliseconds debounce{100};
  /// Called on the watching coroutine's executor after every reload that changed something or failed, and
  /// once with an empty report when the watch stands.
  std::function<void(const WatchEvent&)> on_change;
};

}  // namespace lllm
