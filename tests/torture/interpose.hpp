#pragma once

/// The allocator and the system's calls of this program fail on demand, once, on the thread that asked for
/// it.
namespace lllm::test {

enum class Failing { allocation, system_call };

/// The n-th (from 0) allocation or system call of this thread from now on fails.
void fail_after(Failing what, long n);
/// Nothing fails any more. True when it had come to the failure.
bool stop_failing();

}  // namespace lllm::test
