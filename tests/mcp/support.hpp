#pragma once

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "lllm/mcp/client.hpp"
#include "tests/support/loop.hpp"
#include "tests/support/skip.hpp"

namespace lllm::test {

inline bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

/// Our scripted server, in one of its modes.
inline McpClientOptions scripted(const std::string& mode = "plain") {
  McpClientOptions options;
  options.server.command = {(build_root() / "tests/mcp/scripted_server").string(), mode};
  options.timeout = std::chrono::seconds(20);
  options.close_grace = std::chrono::milliseconds(200);
  return options;
}

inline json::object words(std::string_view text) {
  return {{"text", json::string(text)}};
}

/// What a tool says; the call must not fail.
inline std::string said(asio::io_context& loop, McpClient& client, const std::string& tool,
                        json::object arguments = {}) {
  return run_on(loop, client.call_tool(tool, std::move(arguments))).text;
}

inline Error failure(asio::io_context& loop, McpClient& client, const std::string& tool,
                     json::object arguments = {}) {
  return error_on(loop, client.call_tool(tool, std::move(arguments)));
}

/// A call under way, which may be cancelled.
class Pending {
 public:
  Pending(asio::io_context& loop, asio::awaitable<ToolResult> call) : outcome_(std::make_shared<Outcome>()) {
    asio::co_spawn(loop, std::move(call),
                   asio::bind_cancellation_slot(
                       outcome_->signal.slot(),
                       [outcome = outcome_](const std::exception_ptr& thrown, ToolResult result) {
                         ++outcome->completions;
                         if (thrown) outcome->error = error_from(thrown);
                         outcome->text = std::move(result.text);
                       }));
  }
  void cancel() { outcome_->signal.emit(asio::cancellation_type::terminal); }
  [[nodiscard]] bool done() const { return outcome_->completions > 0; }
  [[nodiscard]] int completions() const { return outcome_->completions; }
  [[nodiscard]] bool failed() const { return outcome_->error.has_value(); }
  [[nodiscard]] ErrorKind kind() const { return outcome_->error->kind(); }
  [[nodiscard]] const Error& error() const { return *outcome_->error; }
  [[nodiscard]] const std::string& text() const { return outcome_->text; }

 private:
  struct Outcome {
    asio::cancellation_signal signal;
    int completions = 0;
    std::optional<Error> error;
    std::string text;
  };
  std::shared_ptr<Outcome> outcome_;
};

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

/// No child, running or dead, that nobody has waited for.
inline bool has_no_child() {
  return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
}

/// The process is gone, or a zombie that its new parent has yet to reap.
inline bool is_gone(int pid) {
  if (::kill(pid, 0) != 0) return true;
  const auto path = "/proc/" + std::to_string(pid) + "/stat";
  FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) return true;
  char state = '?';
  const int read = std::fscanf(file, "%*d (%*[^)]) %c", &state);
  std::fclose(file);
  return read == 1 && (state == 'Z' || state == 'X');
}

}  // namespace lllm::test
