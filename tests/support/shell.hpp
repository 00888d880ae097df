#pragma once

#include <string>

namespace lllm::test {

struct ShellResult {
  int status = 0;      ///< Exit status; 128 + n when signal n ended it.
  std::string output;  ///< stdout and stderr, as they came.
};

/// Runs a command line by /bin/sh and waits for it: for the build tools that the house tests drive.
ShellResult shell(const std::string& command);

/// `text` as one word of a shell command.
std::string quoted(const std::string& text);

}  // namespace lllm::test
