#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "lllm/base/json.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/support/shell.hpp"
#include "tests/support/skip.hpp"

// The program, run as a user runs it.
namespace lllm::test {

inline const std::string key = "sk-canary-7f3a";

// With no variable of the caller's environment that names a provider.
inline std::string program(const std::string& arguments, const std::string& environment = {}) {
  const auto path = build_root() / "lllm/cli/lllm";
  return "env -i PATH=/usr/bin:/bin HOME=/nonexistent " + environment + " " + quoted(path.string()) + " " +
         arguments;
}

inline ShellResult run(const std::string& arguments, const std::string& environment = {}) {
  return shell(program(arguments, environment));
}

inline std::string newsroom() {
  return quoted((source_root() / "examples/packages/newsroom").string());
}

inline std::string with_key(FakeInThread& fake) {
  return "OPENAI_API_KEY=" + key + " OPENAI_BASE_URL=" + fake->base_url();
}

// One sentence, a non-zero status, and no key.
inline void check_refusal(const ShellResult& result, const std::string& expected) {
  CAPTURE(result.output);
  CHECK(result.status == 1);
  CHECK(result.output.starts_with("lllm: "));
  CHECK(std::count(result.output.begin(), result.output.end(), '\n') == 1);
  CHECK(result.output.find(expected) != std::string::npos);
  CHECK(result.output.find("canary") == std::string::npos);
}

}  // namespace lllm::test
