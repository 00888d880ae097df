#include "lllm/base/log.hpp"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

namespace lllm {
namespace {

void to_stderr(LogLevel level, std::string_view component, std::string_view message) {
  std::string line = "lllm ";
  line.append(to_string(level)).append(" [").append(component).append("] ").append(message).append("\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

struct State {
  std::mutex mutex;
  LogSink sink = to_stderr;
  std::atomic<LogLevel> level = LogLevel::warning;
};

State& state() {
  static State instance;
  return instance;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "unknown";
}

void set_log_sink(LogSink sink) {
  const std::lock_guard lock(state().mutex);
  state().sink = std::move(sink);
}

void set_log_level(LogLevel level) {
  state().level = level;
}
bool log_enabled(LogLevel level) {
  return level >= state().level.load(std::memory_order_relaxed);
}

void log(LogLevel level, std::string_view component, std::string_view message) {
  if (!log_enabled(level)) return;
  const std::lock_guard lock(state().mutex);
  if (state().sink) state().sink(level, component, message);
}

}  // namespace lllm
