#include "lllm/cli/answer_printer.hpp"

#include <iostream>
#include <string>

#include "lllm/cli/terminal.hpp"

namespace lllm::cli {

asio::awaitable<void> AnswerPrinter::handle_chunk(std::string_view content, const StreamChunk&) {
  const std::string stripped = stdout_is_terminal() ? stripper_.take(content) : std::string();
  const std::string_view shown = stdout_is_terminal() ? stripped : content;
  if (shown.empty()) return {};
  std::cout << shown << std::flush;
  in_line_ = shown.back() != '\n';
  return {};
}

asio::awaitable<void> AnswerPrinter::on_start() {
  stripper_.reset();  // what an earlier answer left open is not this one's
  return {};
}

void AnswerPrinter::end_line() {
  if (in_line_) std::cout << std::endl;
  in_line_ = false;
}

}  // namespace lllm::cli
