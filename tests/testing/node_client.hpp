#pragma once

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

#include "lllm/base/json.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/support/shell.hpp"
#include "tests/support/skip.hpp"

// Clients from npm, which nobody here wrote, drive the fake provider. `./dev` fetches them into build/npm.
namespace lllm::test {

/// What is missing to run `package`; empty when nothing is.
inline std::string missing_for_node(const std::string& package) {
  if (!std::filesystem::is_directory(build_root() / "npm/node_modules" / package))
    return "the npm package " + package + " is not in the build folder";
  return find_program("node").empty() ? "there is no node on PATH" : "";
}

/// Runs a script of this folder with the folder of the npm packages and `address` as arguments, and gives
/// the one JSON object that it prints.
inline json::value run_node_client(const std::string& script, const std::string& address) {
  std::string command = quoted(find_program("node").string());
  command += " " + quoted((source_root() / "tests/testing" / script).string());
  command += " " + quoted((build_root() / "npm").string()) + " " + quoted(address);
  const auto result = shell(command);
  auto told = parse_json(result.output);
  REQUIRE_MESSAGE(told.has_value(), result.output);
  return std::move(*told);
}

/// What the scripts expect of the model: `words`, a call of the tool that is offered, `refusal` when asked to
/// "fail", and an error four steps into the answer when asked to "break".
inline void answer_clients(FakeInThread& fake, const FakeReply& words, const FakeReply& refusal) {
  fake.respond_with([words, refusal](const FakeRequest& request) {
    if (request.last_user_text == "fail") return refusal;
    FakeReply reply = words;
    if (!request.tools.empty()) {
      if (request.tool_results == 0) reply = FakeReply::call("look_up", {{"word", "Bern"}});
    } else if (request.last_user_text == "break") {
      reply.fault = FakeFault::error_event;
      reply.fault_after = 4;
    }
    return reply;
  });
}

}  // namespace lllm::test

/// Skips the test case where the npm package, or node, is not there.
#define LLLM_NEEDS_NODE_PACKAGE(package)                                                                    \
  do {                                                                                                      \
    if (const auto missing = ::lllm::test::missing_for_node(package); !missing.empty()) LLLM_SKIP(missing); \
  } while (false)
