#pragma once

#include "lllm/base/escape_stripper.hpp"
#include "lllm/core/stream_handler.hpp"

namespace lllm::cli {

/// Prints the words of an answer on standard output as they come; on a terminal without escapes.
class AnswerPrinter final : public BaseStreamHandler {
 public:
  asio::awaitable<void> handle_chunk(std::string_view content, const StreamChunk& chunk) override;
  asio::awaitable<void> on_start() override;
  /// What is said next begins on a line of its own, also where an answer broke off.
  void end_line();
  /// Somebody else ended it.
  void line_ended() { in_line_ = false; }

 private:
  EscapeStripper stripper_;  // a sequence may be split over chunks
  bool in_line_ = false;
};

}  // namespace lllm::cli
