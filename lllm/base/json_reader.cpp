#include "lllm/base/json_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "lllm/base/json.hpp"
#include "lllm/base/text.hpp"

namespace lllm {
namespace {

constexpr std::size_t first_block = 1024;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The four digits of \uXXXX, or -1.
int code_unit(const char* at, const char* end) {
  if (end - at < 4) return -1;
  int unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(at[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

char* append_utf8(char* out, unsigned code) {
  const auto put = [&out](unsigned byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
  return out;
}

double to_double(std::string_view digits) {
  double value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (parsed.ec != std::errc::result_out_of_range) return value;
  const auto exponent = digits.find_first_of("eE");
  const bool tiny = exponent != digits.npos && digits[exponent + 1] == '-';
  return tiny ? 0 : digits.front() == '-' ? -HUGE_VAL : HUGE_VAL;
}

std::string_view repaired(std::string_view text, TextArena& arena) {
  const std::string valid = to_valid_utf8(text);
  char* const copy = arena.allocate(valid.size());
  std::memcpy(copy, valid.data(), valid.size());
  return {copy, valid.size()};
}

}  // namespace

char* TextArena::allocate(std::size_t size) {
  if (blocks_.empty() || blocks_.back().size - used_ < size) {
    const std::size_t grown = blocks_.empty() ? first_block : blocks_.back().size * 2;
    const std::size_t room = std::max(size, grown);
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(room), room});
    used_ = 0;
  }
  char* const start = blocks_.back().bytes.get() + used_;
  used_ += size;
  return start;
}

void TextArena::reset() {
  if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), blocks_.end() - 1);
  used_ = 0;
}

void JsonReader::fail(Failure failure) {
  if (failed()) return;
  failure_ = failure;
  failed_at_ = static_cast<std::size_t>(at_ - begin_);
  at_ = end_;
}

bool JsonReader::refuse_to_open(char bracket) {
  static_assert(max_depth == max_json_depth);
  if (peek() == bracket)
    fail(Failure::too_deep);
  else
    skip();
  return false;
}

std::string_view JsonReader::read_long_string(const char* start) {
  bool ascii = true;
  const char* const stop = end_of_plain_run(start, end_, ascii);
  if (stop == end_ || *stop != '"') return read_escaped(start, stop);
  at_ = stop + 1;
  const std::string_view text(start, static_cast<std::size_t>(stop - start));
  return ascii || is_utf8(text) ? text : repaired(text, *arena_);
}

std::string_view JsonReader::read_escaped(const char* start, const char* first_escape) {
  // Where it ends tells how much room it needs: no escape is shorter than what it stands for.
  bool ascii = true;
  const char* stop = first_escape;
  while (stop < end_ && *stop != '"') {
    if (*stop != '\\' || end_ - stop < 2) {
      at_ = stop;
      return fail(), std::string_view();
    }
    stop = end_of_plain_run(stop + 2, end_, ascii);
  }
  if (stop == end_) {
    at_ = end_;
    return fail(), std::string_view();
  }
  char* const decoded = arena_->allocate(static_cast<std::size_t>(stop - start));
  char* out = decoded;
  const char* from = start;
  for (const char* escape = first_escape; escape < stop;) {
    const auto plain = static_cast<std::size_t>(escape - from);
    std::memcpy(out, from, plain);
    out += plain;
    from = escape + 2;
    switch (escape[1]) {
      case '"':
      case '\\':
      case '/':
        *out++ = escape[1];
        break;
      case 'n':
        *out++ = '\n';
        break;
      case 't':
        *out++ = '\t';
        break;
      case 'r':
        *out++ = '\r';
        break;
      case 'b':
        *out++ = '\b';
        break;
      case 'f':
        *out++ = '\f';
        break;
      case 'u': {
        const int unit = code_unit(from, stop);
        if (unit < 0) {
          at_ = escape;
          return fail(), std::string_view();
        }
        from += 4;
        auto code = static_cast<unsigned>(unit);
        if (code >= 0xD800 && code <= 0xDFFF) {
          const int low = code < 0xDC00 && stop - from >= 6 && from[0] == '\\' && from[1] == 'u'
                              ? code_unit(from + 2, stop)
                              : -1;
          if (low >= 0xDC00 && low <= 0xDFFF) {
            code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<unsigned>(low) - 0xDC00);
            from += 6;
          } else {
            code = 0xFFFD;  // half a pair stands for nothing
          }
        }
        out = append_utf8(out, code);
        break;
      }
      default:
        at_ = escape;
        return fail(), std::string_view();
    }
    escape = end_of_plain_run(from, stop, ascii);
  }
  const auto plain = static_cast<std::size_t>(stop - from);
  std::memcpy(out, from, plain);
  out += plain;
  at_ = stop + 1;
  const std::string_view text(decoded, static_cast<std::size_t>(out - decoded));
  return is_utf8(text) ? text : repaired(text, *arena_);
}

std::string_view JsonReader::read_number() {
  const char* const start = at_;
  const auto digits = [this] {
    const char* const first = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ != first;
  };
  if (*at_ == '-') ++at_;
  bool good = at_ < end_ && *at_ == '0' ? (++at_, true) : digits();
  if (good && at_ < end_ && *at_ == '.') {
    ++at_;
    good = digits();
  }
  if (good && at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    good = digits();
  }
  if (!good) return fail(), std::string_view();
  return {start, static_cast<std::size_t>(at_ - start)};
}

bool JsonReader::read_literal(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0)
    return fail(), false;
  at_ += word.size();
  return true;
}

void JsonReader::skip() {
  switch (kind()) {
    case Kind::object:
      object([](std::string_view) {});
      return;
    case Kind::array:
      array([] {});
      return;
    case Kind::string:
      read_string();
      return;
    case Kind::number:
      read_number();
      return;
    case Kind::boolean:
      read_literal(*at_ == 't' ? "true" : "false");
      return;
    case Kind::null:
      read_literal("null");
      return;
    case Kind::nothing:
      fail();
  }
}

std::string_view JsonReader::text() {
  if (peek() == '"') return read_string();
  skip();
  return {};
}

std::optional<std::string_view> JsonReader::optional_text() {
  if (peek() == '"') return read_string();
  skip();
  return std::nullopt;
}

// What nearly all integers are: digits that cannot overflow, and nothing else. Takes them, or nothing.
std::optional<std::int64_t> JsonReader::small_integer() {
  constexpr std::ptrdiff_t safe_digits = 18;
  const char* const stop = end_ - at_ > safe_digits ? at_ + safe_digits : end_;
  const char* digit = at_;
  std::int64_t value = 0;
  for (; digit < stop && *digit >= '0' && *digit <= '9'; ++digit) value = value * 10 + (*digit - '0');
  const bool leading_zero = *at_ == '0' && digit - at_ > 1;
  if (digit == at_ || digit == stop || leading_zero || *digit == '.' || *digit == 'e' || *digit == 'E')
    return std::nullopt;
  at_ = digit;
  return value;
}

std::optional<std::int64_t> JsonReader::integer() {
  if (kind() != Kind::number) return skip(), std::nullopt;
  if (const auto small = small_integer()) return small;
  const auto digits = read_number();
  if (failed()) return std::nullopt;
  std::int64_t whole = 0;
  const auto [stop, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), whole);
  if (problem == std::errc() && stop == digits.data() + digits.size()) return whole;
  // A float, or past the range: some providers count in floats, and a count must not wrap.
  const double value = to_double(digits);
  constexpr auto largest = std::numeric_limits<std::int64_t>::max();
  if (!(std::fabs(value) < static_cast<double>(largest)))
    return digits.front() == '-' ? std::numeric_limits<std::int64_t>::min() : largest;
  return static_cast<std::int64_t>(value);
}

std::optional<double> JsonReader::number() {
  if (kind() != Kind::number) return skip(), std::nullopt;
  const auto digits = read_number();
  if (failed()) return std::nullopt;
  return to_double(digits);
}

std::optional<bool> JsonReader::boolean() {
  if (kind() != Kind::boolean) return skip(), std::nullopt;
  const bool yes = *at_ == 't';
  if (!read_literal(yes ? "true" : "false")) return std::nullopt;
  return yes;
}

std::string_view JsonReader::raw() {
  peek();
  const char* const start = at_;
  skip();
  if (failed()) return {};
  return {start, static_cast<std::size_t>(at_ - start)};
}

Result<> JsonReader::finish() {
  if (!failed() && (peek(), at_ != end_)) fail();
  if (!failed()) return {};
  if (failure_ == Failure::too_deep)
    return Error(ErrorKind::limit_exceeded,
                 "JSON nested deeper than " + std::to_string(max_json_depth) + " levels");
  return Error(ErrorKind::parse_failed, "not JSON at byte " + std::to_string(failed_at_));
}

}  // namespace lllm
