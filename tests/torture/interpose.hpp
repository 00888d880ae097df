#pragma once

#include <cstddef>

/// The allocator and the system's calls of this program fail on demand, once; and they are counted.
namespace lllm::test {

enum class Failing { allocation, system_call };
enum class Where { here, everywhere };

/// The n-th (from 0) allocation or system call from now on fails: of this thread, or of all together.
void fail_after(Failing what, long n, Where where = Where::here);
/// Nothing fails any more. True when it had come to the failure.
bool stop_failing();

/// What this thread has asked for so far.
struct Counts {
  long allocations = 0;
  long of_watched_size = 0;
  long looks_at_the_clock = 0;
};
Counts counts_here();
void watch_size(std::size_t size);

/// For the allocator: counts one, and tells whether it is the one that fails.
bool allocation_fails(std::size_t size);
void count_look_at_the_clock();

}  // namespace lllm::test
