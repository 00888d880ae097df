#include "lllm/cli/answer_printer.hpp"

#include <iostream>

#include "lllm/base/text.hpp"
#include "lllm/cli/terminal.hpp"

namespace lllm::cli {

asio::awaitable<void> AnswerPrinter::handle_chunk(std::string_view content, const StreamChunk&) {
  if (content.empty()) return {};
  if (stdout_is_terminal())
    std::cout << strip_terminal_escapes(content) << std::flush;
  else
    std::cout << content << std::flush;
  in_line_ = content.back() != '\n';
  return {};
}

void AnswerPrinter::end_line() {
  if (in_line_) std::cout << std::endl;
  in_line_ = false;
}

}  // namespace lllm::cli
