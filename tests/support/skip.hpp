#pragma once

#include <filesystem>
#include <string>

/// Ends the test case and reports it as skipped, with the reason: for what the machine lacks, never for what
/// fails. Only in the body of a TEST_CASE.
#define LLLM_SKIP(reason)               \
  do {                                  \
    ::lllm::test::mark_skipped(reason); \
    return;                             \
  } while (false)

/// Skips when the folder of shared material (spec, faults, recordings) is not beside the checkout.
#define LLLM_NEEDS_SHARED()                                                                               \
  do {                                                                                                    \
    if (::lllm::test::shared_dir().empty()) LLLM_SKIP("the folder ../shared is not beside the checkout"); \
  } while (false)

namespace lllm::test {

void mark_skipped(const std::string& reason);

/// The checkout, and the build folder that this test program belongs to.
std::filesystem::path source_root();
std::filesystem::path build_root();
/// `../shared` beside the checkout (or $LLLM_SHARED); empty when it is not there.
std::filesystem::path shared_dir();
/// The whole path of a program on PATH; empty when it is not installed.
std::filesystem::path find_program(const std::string& name);

}  // namespace lllm::test
