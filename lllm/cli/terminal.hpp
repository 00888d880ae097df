#pragma once

#include <string>
#include <string_view>

#include "lllm/base/error.hpp"

namespace lllm::cli {

/// True where a person reads: colour, progress and stripped escapes only there. NO_COLOR turns colour off.
bool stdout_is_terminal();
bool stderr_is_terminal();

/// `text` in an ANSI style ("1" bold, "2" dim, "31" red) when standard error, or output, is a terminal.
std::string on_stderr(std::string_view style, std::string_view text);
std::string on_stdout(std::string_view style, std::string_view text);

/// A line on standard error that is rewritten in place; silent where no terminal is.
class ProgressLine {
 public:
  ~ProgressLine() { clear(); }
  void show(const std::string& text);
  void clear();

 private:
  bool shown_ = false;
};

/// One sentence on standard error, "lllm: …", without control characters.
void print_error(std::string_view text);

/// The same of a failure, with what the provider said about it, in the same line.
void print_error(const Error& error);

/// 12345678 as "12,345,678".
std::string grouped(unsigned long long number);

}  // namespace lllm::cli
