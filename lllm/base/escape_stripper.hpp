#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lllm {

/// Takes ANSI escape sequences (ECMA-48) and other control characters out of text that comes in pieces, so
/// that what a model says cannot drive a terminal, wherever its stream is cut. Newline and tab stay.
///
/// The controls U+0080 to U+009F count as the escape sequences that they are short for. A sequence that
/// breaks off ends where it does, and what follows is text; one that is a string (a title, a link) ends at a
/// newline, too, so that an answer is not swallowed for want of an end.
class EscapeStripper {
 public:
  /// What of `piece` is text.
  std::string take(std::string_view piece);
  /// Another text begins.
  void reset() { state_ = State::text; }

 private:
  enum class State : std::uint8_t {
    text,
    half_control,   // behind the first byte of U+0080 … U+00BF
    escape,         // behind ESC
    intermediates,  // behind ESC and some of 0x20 … 0x2F
    sequence,       // behind ESC [
    string,         // behind ESC ] and its like
    string_half,    // in a string, behind the first byte of what may be its end
  };
  void take_byte(char c, std::string& text);

  State state_ = State::text;
};

}  // namespace lllm
