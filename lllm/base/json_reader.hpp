#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lllm/base/error.hpp"
#include "lllm/base/json_plain_run.hpp"

namespace lllm {

/// Where decoded strings live until they are no longer needed: reset() frees them all at once and keeps the
/// memory, so that an arena that is used again and again allocates nothing.
class TextArena {
 public:
  /// Room for `size` bytes, valid until reset().
  char* allocate(std::size_t size);
  void reset();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  std::vector<Block> blocks_;
  std::size_t used_ = 0;  // of the last block
};

/// Reads one JSON value (RFC 8259) from front to back without building it: the reader of a hot path takes
/// what it knows and steps over the rest.
///
///     JsonReader in(data, arena);
///     in.object([&](std::string_view key) {
///       if (key == "id") id = in.text();
///       else if (key == "choices") in.array([&] { … });
///     });
///     if (auto read = in.finish(); !read) return read.error();
///
/// A value that a callback leaves alone is skipped. A value of another type than the one asked for is skipped
/// too and reads as "not there", as in base/json.hpp. What is skipped is checked all the same. After the
/// first error every read gives nothing, and finish() says what was wrong.
///
/// Views point into the text, or into the arena for strings with escapes, and live as long as both.
class JsonReader {
 public:
  enum class Kind : std::uint8_t { nothing, null, boolean, number, string, array, object };

  JsonReader(std::string_view text, TextArena& arena)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()), arena_(&arena) {}

  /// Of the value ahead.
  [[nodiscard]] Kind kind() { return kinds[static_cast<unsigned char>(peek())]; }

  /// Calls `member(std::string_view key)` before each value. The key is valid as other views are.
  /// @returns  whether the value was an object.
  template <class Member>
  bool object(Member&& member);
  /// Calls `element()` before each value.
  template <class Element>
  bool array(Element&& element);

  /// A string; bytes that are no UTF-8 and lone surrogates come as U+FFFD.
  std::string_view text();
  /// A string, or nothing for a value of another type: tells "" from null.
  std::optional<std::string_view> optional_text();
  /// Clamped to int64; floats lose their fraction.
  std::optional<std::int64_t> integer();
  std::optional<double> number();
  std::optional<bool> boolean();
  /// Steps over any value; what it was made of, as it stands in the text.
  std::string_view raw();
  /// The same for the value ahead, which `read` takes: what it read, without reading it twice.
  template <class Read>
  std::string_view raw_of(Read&& read) {
    peek();
    const char* const start = at_;
    read();
    return failed() ? std::string_view() : std::string_view(start, static_cast<std::size_t>(at_ - start));
  }
  void skip();

  [[nodiscard]] bool failed() const { return failure_ != Failure::none; }
  /// `parse_failed` with the byte, or `limit_exceeded` for too deep nesting. Nothing but white space may be
  /// left.
  [[nodiscard]] Result<> finish();

 private:
  enum class Failure : std::uint8_t { none, malformed, too_deep };

  // What a value begins with says what it is.
  static constexpr auto kinds = [] {
    std::array<Kind, 256> table{};
    table['{'] = Kind::object;
    table['['] = Kind::array;
    table['"'] = Kind::string;
    table['t'] = table['f'] = Kind::boolean;
    table['n'] = Kind::null;
    table['-'] = Kind::number;
    for (std::size_t digit = '0'; digit <= '9'; ++digit) table[digit] = Kind::number;
    return table;
  }();

  // The next byte that is no white space, which machines leave out.
  char peek() {
    if (at_ < end_ && *at_ > ' ') [[likely]]
      return *at_;
    return peek_past_space();
  }
  char peek_past_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    return at_ < end_ ? *at_ : '\0';
  }
  bool open(char bracket) {
    if (peek() == bracket && depth_ < max_depth) [[likely]] {
      ++depth_;
      ++at_;
      return true;
    }
    return refuse_to_open(bracket);
  }
  bool refuse_to_open(char bracket);
  // After a member or element: true when another one follows.
  bool another(char closing) {
    const char next = peek();
    if (next == ',') {
      ++at_;
      return true;
    }
    if (next == closing && !failed()) {
      ++at_;
      --depth_;
    } else {
      fail();
    }
    return false;
  }
  std::string_view read_string() {
    const char* const start = ++at_;
#if defined(__SSE2__)
    if (end_ - start >= 16) {  // most strings are shorter than that, and plain
      const PlainBytes bytes(start);
      if (bytes.found != 0 && start[bytes.length()] == '"' && !bytes.high_before_found()) [[likely]] {
        at_ = start + bytes.length() + 1;
        return {start, static_cast<std::size_t>(bytes.length())};
      }
    }
#endif
    return read_long_string(start);
  }
  std::string_view read_long_string(const char* start);
  std::string_view read_escaped(const char* start, const char* first_escape);
  std::string_view read_number();
  std::optional<std::int64_t> small_integer();
  bool read_literal(std::string_view word);
  void fail(Failure failure = Failure::malformed);

  static constexpr std::size_t max_depth = 256;  // max_json_depth of json.hpp, which this need not include

  const char* begin_;
  const char* at_;
  const char* end_;
  TextArena* arena_;
  std::size_t depth_ = 0;
  Failure failure_ = Failure::none;
  std::size_t failed_at_ = 0;
};

template <class Member>
bool JsonReader::object(Member&& member) {
  if (!open('{')) return false;
  if (peek() == '}') {
    ++at_;
    --depth_;
    return true;
  }
  do {
    if (peek() != '"') return fail(), true;
    const std::string_view key = read_string();
    if (peek() != ':') return fail(), true;
    ++at_;
    peek();
    const char* const value = at_;
    member(key);
    if (at_ == value) skip();
  } while (another('}'));
  return true;
}

template <class Element>
bool JsonReader::array(Element&& element) {
  if (!open('[')) return false;
  if (peek() == ']') {
    ++at_;
    --depth_;
    return true;
  }
  do {
    peek();
    const char* const value = at_;
    element();
    if (at_ == value) skip();
  } while (another(']'));
  return true;
}

}  // namespace lllm
