#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>

#include <bit>
#endif

namespace lllm {

/// The first byte of a JSON string's text that does not stand for itself (a quote, a backslash, a control
/// character), or `end`; `ascii` becomes false when a byte before it is above 0x7F. Nearly all bytes of
/// prompts and streams pass through here, hence sixteen at a time.
inline const char* end_of_plain_run(const char* at, const char* end, bool& ascii) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);
  while (end - at >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i special =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes));
    const auto found = static_cast<unsigned>(_mm_movemask_epi8(special));
    const auto high = static_cast<unsigned>(_mm_movemask_epi8(bytes));
    if (found != 0) {
      const int length = std::countr_zero(found);
      if ((high & ((1U << length) - 1)) != 0) ascii = false;
      return at + length;
    }
    if (high != 0) ascii = false;
    at += 16;
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
