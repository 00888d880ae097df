#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

/// Programs that a benchmark runs beside itself, and on which core each runs.
namespace bench {

/// Puts this process on one core, where there is more than one; -1: leaves it alone.
void pin_to_core(int core);
/// The core of the measured client, and the one of its server. The same on a machine with a single core.
int client_core();
int server_core();

/// A child process on a core of its own. It dies with us, and is ended by the destructor.
class Child {
 public:
  /// @throws std::runtime_error when the program cannot be started. With `read_output`, its standard output
  /// goes to output(); otherwise it goes where ours goes.
  Child(const std::vector<std::string>& argv, int core, bool read_output = false);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Read from /proc, with the clock tick's precision (10 ms).
  [[nodiscard]] double cpu_seconds() const;
  /// The next line of its output; empty at the end.
  std::string read_line();
  /// What it said and what it cost.
  struct End {
    std::string output;
    double cpu_s = 0;  ///< user and system
  };
  /// Waits for its end. @throws std::runtime_error when it failed.
  End wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string name_;
};

/// Whether a program of this name is on PATH.
bool have_program(const std::string& name);

}  // namespace bench
