#include "benchmarks/child.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace bench {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

long cores() {
  return ::sysconf(_SC_NPROCESSORS_ONLN);
}

}  // namespace

void pin_to_core(int core) {
  if (core < 0 || core >= cores()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  (void)::sched_setaffinity(0, sizeof set, &set);
}

int client_core() {
  return 0;
}
int server_core() {
  return cores() > 1 ? 1 : 0;
}

bool have_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + '/' + name).c_str(), X_OK) == 0) return true;
  return false;
}

Child::Child(const std::vector<std::string>& argv, int core, bool read_output) : name_(argv.at(0)) {
  int ends[2] = {-1, -1};
  if (read_output && ::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe for " + name_);
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("no process for " + name_);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);  // it died before the line above
    pin_to_core(core);
    if (read_output) ::dup2(ends[1], STDOUT_FILENO);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  if (read_output) {
    ::close(ends[1]);
    output_ = ends[0];
  }
}

Child::~Child() {
  if (output_ >= 0) ::close(output_);
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

double Child::cpu_seconds() const {
  std::ifstream in("/proc/" + std::to_string(pid_) + "/stat");
  std::string line;
  std::getline(in, line);
  // The name in parentheses may hold blanks; user and system time are the 12th and 13th words behind it.
  std::istringstream rest(line.substr(line.rfind(')') + 1));
  std::string word;
  double ticks = 0;
  for (int i = 1; rest >> word && i <= 13; ++i)
    if (i >= 12) ticks += std::stod(word);
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::string Child::read_line() {
  std::string line;
  for (char byte = 0; output_ >= 0 && ::read(output_, &byte, 1) == 1 && byte != '\n';) line += byte;
  return line;
}

Child::End Child::wait() {
  End end;
  char buffer[4096];
  for (ssize_t got = 0; output_ >= 0 && (got = ::read(output_, buffer, sizeof buffer)) > 0;)
    end.output.append(buffer, static_cast<std::size_t>(got));
  int status = 0;
  rusage used{};
  ::wait4(pid_, &status, 0, &used);
  pid_ = -1;
  end.cpu_s = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(name_ + " failed: " + end.output);
  return end;
}

}  // namespace bench
