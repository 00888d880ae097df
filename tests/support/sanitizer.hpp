#pragma once

namespace lllm::test {

/// Whether this runs under AddressSanitizer or ThreadSanitizer, which make everything several times slower.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LLLM_TEST_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LLLM_TEST_SANITIZED
#endif
#ifdef LLLM_TEST_SANITIZED
inline constexpr bool under_sanitizer = true;
#undef LLLM_TEST_SANITIZED
#else
inline constexpr bool under_sanitizer = false;
#endif

}  // namespace lllm::test
