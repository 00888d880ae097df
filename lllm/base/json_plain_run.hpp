#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>

#include <bit>
#endif

namespace lllm {

#if defined(__SSE2__)
/// Of sixteen bytes at once, a bit each: which do not stand for themselves in a JSON string (a quote, a
/// backslash, a control character), and which are above 0x7F.
struct PlainBytes {
  /// @param skipped  How many of them are of no account; the others are numbered from 0.
  explicit PlainBytes(const char* at, int skipped = 0) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i special = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
        _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes));
    found = static_cast<unsigned>(_mm_movemask_epi8(special)) >> skipped;
    high = static_cast<unsigned>(_mm_movemask_epi8(bytes)) >> skipped;
  }
  /// How many stand before the first one found; there must be one.
  [[nodiscard]] int length() const { return std::countr_zero(found); }
  /// Whether one of those is above 0x7F.
  [[nodiscard]] bool high_before_found() const { return (high & ((1U << length()) - 1)) != 0; }
  unsigned found;
  unsigned high;
};
#endif

/// The first byte of a JSON string's text that does not stand for itself, or `end`; `ascii` becomes false
/// when a byte before it is above 0x7F. Nearly all bytes of prompts and streams pass through here, hence
/// sixteen at a time.
inline const char* end_of_plain_run(const char* at, const char* end, bool& ascii) {
#if defined(__SSE2__)
  const bool is_long = end - at >= 16;
  for (; end - at >= 16; at += 16) {
    const PlainBytes bytes(at);
    if (bytes.found != 0) {
      if (bytes.high_before_found()) ascii = false;
      return at + bytes.length();
    }
    if (bytes.high != 0) ascii = false;
  }
  if (is_long) {  // the last sixteen again, for those of them that are new
    const PlainBytes bytes(end - 16, static_cast<int>(16 - (end - at)));
    if (bytes.found == 0) return ascii = ascii && bytes.high == 0, end;
    if (bytes.high_before_found()) ascii = false;
    return at + bytes.length();
  }
#endif
  for (; at < end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte == '"' || byte == '\\' || byte < 0x20) break;
    if (byte >= 0x80) ascii = false;
  }
  return at;
}

}  // namespace lllm
