#pragma once

namespace lllm::test {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LLLM_TEST_ADDRESSES
#endif
#if __has_feature(thread_sanitizer)
#define LLLM_TEST_THREADS
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(LLLM_TEST_ADDRESSES)
inline constexpr bool under_address_sanitizer = true;
#else
inline constexpr bool under_address_sanitizer = false;
#endif
#if defined(__SANITIZE_THREAD__) || defined(LLLM_TEST_THREADS)
inline constexpr bool under_thread_sanitizer = true;
#else
inline constexpr bool under_thread_sanitizer = false;
#endif

}  // namespace lllm::test
