#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

// One fuzz target, written once for libFuzzer and for the tests:
//
//     LLLM_FUZZ(json) {
//       const auto value = lllm::parse_json(input);
//       if (value) lllm::test::must(lllm::parse_json(lllm::to_json(*value)).has_value());
//     }
//
// `input` is a std::string_view of any bytes. A target fails by must(), by a sanitizer or by throwing.

namespace lllm::test {

/// Ends the process where libFuzzer or the test program sees it.
inline void must(bool holds) {
  if (!holds) std::abort();
}

struct FuzzTarget {
  std::string_view name;
  void (*run)(std::string_view input);
};

/// Those linked into this program.
inline std::vector<FuzzTarget>& fuzz_targets() {
  static std::vector<FuzzTarget> targets;
  return targets;
}

}  // namespace lllm::test

#ifdef LLLM_LIBFUZZER
#define LLLM_FUZZ(name)                                                               \
  static void fuzz_##name(std::string_view input);                                    \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_##name(std::string_view(reinterpret_cast<const char*>(data), size));         \
    return 0;                                                                         \
  }                                                                                   \
  static void fuzz_##name(std::string_view input)
#else
#define LLLM_FUZZ(name)                                                     \
  static void fuzz_##name(std::string_view input);                          \
  [[maybe_unused]] static const bool fuzz_##name##_known =                  \
      (::lllm::test::fuzz_targets().push_back({#name, fuzz_##name}), true); \
  static void fuzz_##name(std::string_view input)
#endif
