#include "lllm/net/process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lllm/async/spawned.hpp"

namespace lllm {
namespace {

using Descriptor = asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr auto as_values = asio::as_tuple(asio::deferred);

/// Closes what it holds unless it was taken out.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.take()) {}
  Fd& operator=(Fd&& other) noexcept {
    reset(other.take());
    return *this;
  }
  ~Fd() { reset(-1); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int take() { return std::exchange(fd_, -1); }

 private:
  void reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  int fd_;
};

struct Pipe {
  Fd read_end;
  Fd write_end;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw_error(ErrorKind::resource_exhausted,
                std::string("no pipe for a child process: ") + std::strerror(errno));
  return {Fd(ends[0]), Fd(ends[1])};
}

std::string find_in_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* path = std::getenv("PATH");
  std::string_view folders = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!folders.empty()) {
    const auto colon = folders.find(':');
    const std::string candidate = std::string(folders.substr(0, colon)) + '/' + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    folders.remove_prefix(colon == folders.npos ? folders.size() : colon + 1);
  }
  return program;
}

void limit(int resource, std::uint64_t most) {
  if (most == 0) return;
  const rlimit both{most, most};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &both);
}

/// Writes without the signal that a closed pipe would raise: pipes know no MSG_NOSIGNAL.
ssize_t write_quietly(int fd, std::string_view bytes) {
  sigset_t pipe_signal;
  sigset_t pending;
  sigset_t before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = ::write(fd, bytes.data(), bytes.size());
  const int failure = errno;
  if (written < 0 && failure == EPIPE && !was_pending) {
    const timespec at_once{};
    while (::sigtimedwait(&pipe_signal, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = failure;
  return written;
}

/// Nothing when nothing is there, empty at the end.
std::optional<std::string> take_from(Descriptor& from) {
  std::array<char, 16 * 1024> chunk;
  while (from.is_open()) {
    const ssize_t size = ::read(from.native_handle(), chunk.data(), chunk.size());
    if (size > 0) return std::string(chunk.data(), static_cast<std::size_t>(size));
    if (size == 0) break;
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EINTR)  // not its end: what came would pass for the whole
      throw_error(ErrorKind::io_failed,
                  std::string("reading from the child process: ") + std::strerror(errno));
  }
  return std::string();
}

asio::awaitable<std::string> read_from(Descriptor& from) {
  while (true) {
    if (auto bytes = take_from(from)) co_return std::move(*bytes);
    auto ready = from.async_wait(Descriptor::wait_read, as_values);
    const auto [failure] = co_await std::move(ready);
    if (failure) throw_error(ErrorKind::cancelled, "reading from the child process was cancelled");
  }
}

}  // namespace

void ProcessOptions::pass_environment(const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (const char* value = std::getenv(name.c_str())) environment.emplace_back(name, value);
}

std::string ProcessExit::to_string() const {
  return signal != 0 ? "was ended by signal " + std::to_string(signal)
                     : "ended with code " + std::to_string(code);
}

struct Process::State {
  explicit State(const asio::any_io_executor& executor)
      : input(executor), output(executor), error(executor), end(executor) {}

  pid_t pid = -1;
  std::string name;
  Descriptor input;
  Descriptor output;
  Descriptor error;
  Descriptor end;  // a pidfd: readable when the child has ended
  std::optional<ProcessExit> exit;
  bool group_ends_with_it = false;

  void reap(int flags) {
    if (exit) return;
    if (group_ends_with_it) {
      // While it is not reaped, its number can be no other group's.
      siginfo_t ended{};
      while (::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT | flags) < 0 &&
             errno == EINTR) {
      }
      if (ended.si_pid == pid) ::kill(-pid, SIGKILL);
    }
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(pid, &status, flags)) < 0 && errno == EINTR) {
    }
    if (ended != pid) return;
    exit.emplace();
    if (WIFSIGNALED(status))
      exit->signal = WTERMSIG(status);
    else
      exit->code = WEXITSTATUS(status);
  }
};

Process::Process(asio::any_io_executor executor, const ProcessOptions& options)
    : state_(std::make_unique<State>(executor)) {
  if (options.argv.empty() || options.argv.front().empty())
    throw_error(ErrorKind::invalid_argument, "a child process needs a program to run");
  std::vector<std::string> variables;
  bool has_path = false;
  for (const auto& [name, value] : options.environment) {
    variables.push_back(name + '=' + value);
    has_path = has_path || name == "PATH";
  }
  if (const char* path = std::getenv("PATH"); path != nullptr && !has_path)
    variables.push_back(std::string("PATH=") + path);
  for (const auto* list : {&options.argv, &std::as_const(variables)})
    for (const auto& text : *list)
      if (text.find('\0') != std::string::npos)
        throw_error(ErrorKind::invalid_argument, "an argument or variable of a child process holds NUL");

  // Everything that allocates comes before the fork: between fork and exec only plain system calls are safe.
  const std::string program = find_in_path(options.argv.front());
  std::vector<char*> argv;
  for (const auto& argument : options.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> environment;
  for (const auto& variable : variables) environment.push_back(const_cast<char*>(variable.c_str()));
  environment.push_back(nullptr);
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  Pipe trouble = make_pipe();  // carries errno when the program cannot be started
  sigset_t none;
  sigemptyset(&none);

  const pid_t pid = ::fork();
  if (pid < 0)
    throw_error(ErrorKind::resource_exhausted, std::string("no child process: ") + std::strerror(errno));
  if (pid == 0) {
    ::setpgid(0, 0);
    ::dup2(input.read_end.get(), 0);
    ::dup2(output.write_end.get(), 1);
    ::dup2(error.write_end.get(), 2);
    // Asio's sockets are not close-on-exec: no other connection may leak into the child.
    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    limit(RLIMIT_AS, options.max_memory);
    limit(RLIMIT_FSIZE, options.max_file_size);
    limit(RLIMIT_CPU, static_cast<std::uint64_t>(options.max_cpu.count()));
    if (options.working_directory.empty() || ::chdir(options.working_directory.c_str()) == 0)
      ::execve(program.c_str(), argv.data(), environment.data());
    const int failure = errno;
    [[maybe_unused]] const auto told = ::write(trouble.write_end.get(), &failure, sizeof failure);
    ::_exit(127);
  }

  state_->pid = pid;
  state_->name = options.argv.front();
  state_->group_ends_with_it = options.group_ends_with_it;
  ::setpgid(pid, pid);  // both sides do it, so that neither has to wait for the other
  trouble.write_end = Fd();
  int failure = 0;
  ssize_t told = 0;
  while ((told = ::read(trouble.read_end.get(), &failure, sizeof failure)) < 0 && errno == EINTR) {
  }
  if (told == sizeof failure) {
    state_->reap(0);
    throw_error(ErrorKind::io_failed, "'" + state_->name + "' cannot be started: " + std::strerror(failure));
  }
  const auto adopt = [](Descriptor& descriptor, Fd fd) {
    ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
    descriptor.assign(fd.get());  // takes it only if it does not throw
    static_cast<void>(fd.take());
  };
  try {
    adopt(state_->input, std::move(input.write_end));
    adopt(state_->output, std::move(output.read_end));
    adopt(state_->error, std::move(error.read_end));
    Fd end(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (end.get() < 0)
      throw_error(ErrorKind::resource_exhausted,
                  std::string("no pidfd for a child process: ") + std::strerror(errno));
    adopt(state_->end, std::move(end));
  } catch (...) {  // nobody else would end the child, or ask what became of it
    signal(SIGKILL);
    state_->reap(0);
    throw;
  }
}

Process::~Process() {
  if (!state_ || state_->pid < 0 || state_->exit) return;
  signal(SIGKILL);
  state_->reap(0);  // it cannot refuse: this takes no time to speak of
}

int Process::pid() const {
  return state_->pid;
}

void Process::signal(int number) {
  // The group outlives its leader: what the child has started is meant too.
  ::kill(-state_->pid, number);
}

asio::awaitable<void> Process::write(std::string_view bytes) {
  while (true) {
    bytes.remove_prefix(write_now(bytes));
    if (bytes.empty()) co_return;
    auto ready = state_->input.async_wait(Descriptor::wait_write, as_values);
    const auto [failure] = co_await std::move(ready);
    if (failure) throw_error(ErrorKind::cancelled, "writing to the child process was cancelled");
  }
}

std::size_t Process::write_now(std::string_view bytes) {
  State& state = *state_;
  std::size_t written = 0;
  while (written < bytes.size()) {
    if (!state.input.is_open()) throw_error(ErrorKind::connection_lost, "the child's input was closed");
    const ssize_t size = write_quietly(state.input.native_handle(), bytes.substr(written));
    if (size >= 0)
      written += static_cast<std::size_t>(size);
    else if (errno == EAGAIN)
      break;
    else if (errno == EPIPE)
      throw_error(ErrorKind::connection_lost, "'" + state.name + "' reads no more: " + std::strerror(errno));
    else if (errno != EINTR)
      throw_error(ErrorKind::io_failed, "writing to '" + state.name + "': " + std::strerror(errno));
  }
  return written;
}

void Process::close_input() {
  error_code ignored;
  state_->input.close(ignored);
}

asio::awaitable<std::string> Process::read_output() {
  return read_from(state_->output);
}
asio::awaitable<std::string> Process::read_error() {
  return read_from(state_->error);
}

asio::awaitable<ProcessExit> Process::wait() {
  State& state = *state_;
  while (!state.exit) {
    state.reap(WNOHANG);
    if (state.exit) break;
    auto ended = state.end.async_wait(Descriptor::wait_read, as_values);
    const auto [failure] = co_await std::move(ended);
    if (failure) throw_error(ErrorKind::cancelled, "waiting for the child process was cancelled");
  }
  co_return *state.exit;
}

void Process::when_ready(End end, std::function<void(error_code)> ready) {
  switch (end) {
    case End::input:
      return state_->input.async_wait(Descriptor::wait_write, std::move(ready));
    case End::output:
      return state_->output.async_wait(Descriptor::wait_read, std::move(ready));
    case End::error:
      return state_->error.async_wait(Descriptor::wait_read, std::move(ready));
    case End::exit:
      return state_->end.async_wait(Descriptor::wait_read, std::move(ready));
  }
}

void Process::stop_waiting() {
  error_code ignored;
  for (auto* end : {&state_->input, &state_->output, &state_->error, &state_->end}) end->cancel(ignored);
}

std::optional<std::string> Process::take_output() {
  return take_from(state_->output);
}
std::optional<std::string> Process::take_error() {
  return take_from(state_->error);
}

std::optional<ProcessExit> Process::exit_now() {
  state_->reap(WNOHANG);
  return state_->exit;
}

namespace {

asio::awaitable<void> feed(Process& process, std::string_view input) {
  try {
    co_await process.write(input);
  } catch (const Exception& failure) {
    if (failure.kind() != ErrorKind::connection_lost) throw;  // a child need not read what it is given
  }
  process.close_input();
}

asio::awaitable<void> collect(Process& process, bool from_error, std::string& into, std::size_t limit,
                              bool& truncated) {
  while (true) {
    auto reading = from_error ? process.read_error() : process.read_output();
    const std::string part = co_await std::move(reading);
    if (part.empty()) co_return;
    const auto kept = std::min(part.size(), limit - into.size());
    into.append(part, 0, kept);
    truncated = truncated || kept < part.size();
  }
}

asio::awaitable<void> run_to_end(Process& process, std::string_view input, std::size_t limit,
                                 ProcessResult& result) {
  const auto executor = co_await asio::this_coro::executor;
  auto all = asio::experimental::make_parallel_group(
                 Spawned(executor, feed(process, input)),
                 Spawned(executor, collect(process, false, result.output, limit, result.truncated)),
                 Spawned(executor, collect(process, true, result.error, limit, result.truncated)))
                 .async_wait(asio::experimental::wait_for_one_error(), asio::use_awaitable);
  const auto [order, fed, read_out, read_err] = co_await std::move(all);
  for (const auto& failure : {fed, read_out, read_err})
    if (failure) std::rethrow_exception(failure);
  result.exit = co_await process.wait();
}

}  // namespace

asio::awaitable<ProcessResult> run_process(ProcessOptions options, std::string input, std::size_t limit,
                                           std::chrono::milliseconds time) {
  const auto executor = co_await asio::this_coro::executor;
  ProcessResult result;
  Process process(executor, options);
  if (time.count() == 0) {
    co_await run_to_end(process, input, limit, result);
    co_return result;
  }
  asio::steady_timer timer(executor, time);
  auto either =
      asio::experimental::make_parallel_group(Spawned(executor, run_to_end(process, input, limit, result)),
                                              timer.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  const auto [order, failure, timer_failure] = co_await std::move(either);
  if (order[0] == 1 && !timer_failure)
    throw_error(ErrorKind::deadline_exceeded,
                "'" + options.argv.front() + "' did not end within " + std::to_string(time.count()) + " ms");
  if (failure) std::rethrow_exception(failure);
  co_return result;
}

}  // namespace lllm
