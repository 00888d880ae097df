#include "lllm/base/escape_stripper.hpp"

namespace lllm {
namespace {

constexpr std::uint8_t escape_byte = 0x1B;
constexpr std::uint8_t first_of_c1 = 0xC2;  // in UTF-8

bool begins_string(char kind) {
  return kind == ']' || kind == 'P' || kind == '^' || kind == '_' || kind == 'X';
}

}  // namespace

std::string EscapeStripper::take(std::string_view piece) {
  std::string text;
  text.reserve(piece.size());
  for (const char c : piece) take_byte(c, text);
  return text;
}

void EscapeStripper::take_byte(char c, std::string& text) {
  const auto byte = static_cast<std::uint8_t>(c);
  const auto within = [byte](std::uint8_t first, std::uint8_t last) { return byte >= first && byte <= last; };
  switch (state_) {
    case State::text:
      break;
    case State::half_control:
      if (within(0x80, 0x9F)) {
        // U+0080 + n is ESC and the letter 0x40 + n.
        const auto kind = static_cast<char>(byte - 0x40);
        state_ = kind == '[' ? State::sequence : begins_string(kind) ? State::string : State::text;
        return;
      }
      text += static_cast<char>(first_of_c1);  // it was a letter's
      state_ = State::text;
      break;
    case State::escape:
      if (c == '[' || begins_string(c)) {
        state_ = c == '[' ? State::sequence : State::string;
        return;
      }
      if (within(0x20, 0x2F)) {
        state_ = State::intermediates;
        return;
      }
      state_ = State::text;
      if (within(0x30, 0x7E)) return;
      break;
    case State::intermediates:
      if (within(0x20, 0x2F)) return;
      state_ = State::text;
      if (within(0x30, 0x7E)) return;
      break;
    case State::sequence:
      if (within(0x20, 0x3F)) return;
      state_ = State::text;
      if (within(0x40, 0x7E)) return;
      break;
    case State::string_half:
      state_ = byte == 0x9C ? State::text : State::string;
      if (byte == 0x9C) return;
      [[fallthrough]];
    case State::string:
      if (byte == first_of_c1) {
        state_ = State::string_half;
        return;
      }
      if (c == '\a') {
        state_ = State::text;
        return;
      }
      if (c != '\n' && byte != escape_byte) return;
      state_ = State::text;  // ESC begins the string's end, or another sequence
      break;
  }
  if (byte == escape_byte)
    state_ = State::escape;
  else if (byte == first_of_c1)
    state_ = State::half_control;
  else if ((byte >= 0x20 && byte != 0x7F) || c == '\n' || c == '\t')
    text += c;
}

}  // namespace lllm
