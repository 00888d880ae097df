#pragma once

#include "lllm/invokers/litellm_invoker.hpp"

namespace lllm::cli {

/// `--verbose`: tells on standard error what calls do, one line each with the time since now. Once
/// given: retries, failures and ends; twice: every step. 0: nothing. Never the words of a prompt or an
/// answer.
void tell_calls(InvokerOptions& options, int verbosity);

}  // namespace lllm::cli
