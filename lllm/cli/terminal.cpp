#include "lllm/cli/terminal.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "lllm/base/text.hpp"

namespace lllm::cli {
namespace {

constexpr std::size_t said_limit = 500;

bool colour() {
  const char* no_color = std::getenv("NO_COLOR");
  return no_color == nullptr || *no_color == '\0';
}

std::string styled(bool terminal, std::string_view style, std::string_view text) {
  if (!terminal || !colour()) return std::string(text);
  std::string out = "\x1b[";
  return out.append(style).append("m").append(text).append("\x1b[0m");
}

}  // namespace

bool stdout_is_terminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}
bool stderr_is_terminal() {
  return ::isatty(STDERR_FILENO) == 1;
}

std::string on_stderr(std::string_view style, std::string_view text) {
  return styled(stderr_is_terminal(), style, text);
}
std::string on_stdout(std::string_view style, std::string_view text) {
  return styled(stdout_is_terminal(), style, text);
}

void ProgressLine::show(const std::string& text) {
  if (!stderr_is_terminal()) return;
  std::fprintf(stderr, "\r\x1b[K%s", text.c_str());
  std::fflush(stderr);
  shown_ = true;
}

void ProgressLine::clear() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

void print_error(std::string_view text) {
  const std::string line = on_stderr("31", "lllm:") + " " + strip_terminal_escapes(text) + "\n";
  std::fputs(line.c_str(), stderr);
}

void print_error(const Error& error) {
  std::string line = error.to_string();
  std::string said;
  for (const char c : error.provider_text())
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
      said += c;
    else if (!said.empty() && said.back() != ' ')
      said += ' ';
  if (!said.empty()) line += ". They said: " + excerpt(said, said_limit);
  print_error(std::string_view(line));
}

std::string grouped(unsigned long long number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

}  // namespace lllm::cli
