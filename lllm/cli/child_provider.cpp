#include "lllm/cli/child_provider.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "lllm/base/error.hpp"
#include "lllm/base/json.hpp"

namespace lllm::cli {

ChildProvider::ChildProvider(const std::vector<std::string>& arguments) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) throw_error(ErrorKind::io_failed, "no pipe for the fake provider");
  std::vector<std::string> words{"lllm", "serve-fake", "--json", "--port", "0"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw_error(ErrorKind::io_failed, "the fake provider cannot be started: no process");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);  // it died before the line above
    ::setpgid(0, 0);                        // Ctrl-C is for the demo; it ends us in its own time
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  std::string line;
  char byte = 0;
  while (::read(pipe_ends[0], &byte, 1) == 1 && byte != '\n') line += byte;
  ::close(pipe_ends[0]);
  const auto told = parse_json(line);
  if (told) base_url_ = std::string(text_at(*told, "base_url"));
  if (base_url_.empty()) throw_error(ErrorKind::io_failed, "the fake provider did not start");
}

ChildProvider::~ChildProvider() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  int status = 0;
  ::waitpid(pid_, &status, 0);
}

}  // namespace lllm::cli
