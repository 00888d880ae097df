#pragma once

#include <cstddef>

namespace lllm::cli {

/// Raises the limit of open files as far as the system lets us; returns what it is then.
std::size_t raise_fd_limit();

/// The most memory this process has had resident, in MiB.
double peak_rss_mib();

/// How many threads this process has now.
int thread_count();

}  // namespace lllm::cli
