#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>

#include "lllm/base/error.hpp"

namespace lllm {

namespace asio = boost::asio;

/// What to run and what it may use.
struct ProcessOptions {
  /// The program, looked up in PATH when it has no '/', and its arguments. No shell is involved.
  std::vector<std::string> argv;
  /// The child's whole environment; nothing is inherited but PATH, where it is not given.
  std::vector<std::pair<std::string, std::string>> environment;
  std::string working_directory;    ///< Empty: ours.
  std::uint64_t max_memory = 0;     ///< Bytes of address space; 0: no limit.
  std::uint64_t max_file_size = 0;  ///< Bytes of any file it writes; 0: no limit.
  std::chrono::seconds max_cpu{0};  ///< Processor time; 0: no limit.
  /// When it ends by itself, so does everything it has started in its group.
  bool group_ends_with_it = false;

  ProcessOptions() = default;
  /// Adds those of these variables that we have.
  void pass_environment(const std::vector<std::string>& names);
};

/// How a child ended.
struct ProcessExit {
  int code = 0;    ///< Its exit code, when no signal ended it.
  int signal = 0;  ///< The signal that ended it; 0: none.

  ProcessExit() = default;
  [[nodiscard]] bool good() const { return code == 0 && signal == 0; }
  /// "ended with code 3", "was ended by signal 9".
  [[nodiscard]] std::string to_string() const;
};

/// A child process with pipes to its standard input, output and error, in a process group of its own. It
/// inherits no file descriptor and no environment. Confined to its executor.
class Process {
 public:
  /// Starts it. @throws Exception io_failed when it cannot be started (the program and the reason are named),
  /// resource_exhausted, invalid_argument for an empty argv or a NUL in it.
  Process(asio::any_io_executor executor, const ProcessOptions& options);
  /// Kills the whole group and reaps the child.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] int pid() const;

  /// Writes to its standard input, waiting while it does not read. `bytes` must outlive the wait.
  /// @throws Exception connection_lost when it has closed its input; cancelled. Never raises SIGPIPE.
  asio::awaitable<void> write(std::string_view bytes);
  void close_input();
  /// The next bytes of its output or error; empty at the end. One read of each at a time.
  asio::awaitable<std::string> read_output();
  asio::awaitable<std::string> read_error();
  /// Waits for its end; may be called again afterwards. Cancellation: terminal; the child goes on.
  asio::awaitable<ProcessExit> wait();
  /// Sends a signal to the whole group: SIGTERM to ask, SIGKILL to end it.
  void signal(int number);

  // For one who watches all its ends at once and wants no coroutine for each.
  enum class End { input, output, error, exit };
  /// Calls `ready` once, on the executor: when that end can be written to, read, or asked; with an error when
  /// the wait was stopped. One wait for each end at a time. @throws std::bad_alloc.
  void when_ready(End end, std::function<void(boost::system::error_code)> ready);
  void stop_waiting();
  /// The next bytes that are there already; nothing when none are, empty at the end. @throws Exception
  /// io_failed.
  std::optional<std::string> take_output();
  std::optional<std::string> take_error();
  /// Writes what it takes without waiting; how much that was. @throws Exception as write.
  std::size_t write_now(std::string_view bytes);
  /// How it ended; nothing while it runs.
  std::optional<ProcessExit> exit_now();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a child said and how it ended.
struct ProcessResult {
  ProcessExit exit;
  std::string output;
  std::string error;
  bool truncated = false;  ///< More was said than kept.

  ProcessResult() = default;
};

/// Runs a program with `input` to its end, keeping at most `limit` bytes of its output and of its error; the
/// rest is read and dropped, so that it does not block. Destroying or cancelling the awaitable kills the
/// whole group; so does the time running out. @throws Exception as Process; deadline_exceeded after `time`
/// (0: for ever).
asio::awaitable<ProcessResult> run_process(ProcessOptions options, std::string input, std::size_t limit,
                                           std::chrono::milliseconds time);

}  // namespace lllm
