// Google's own JavaScript client, which nobody here wrote, drives the fake provider.
#include <doctest/doctest.h>

#include "lllm/base/json.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/support/shell.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using test::quoted;

TEST_SUITE("testing/google_client") {
  TEST_CASE("@google/genai reads whole answers, streams, tool calls and errors as they were scripted") {
    const auto modules = test::build_root() / "npm";
    if (!std::filesystem::is_directory(modules / "node_modules/@google/genai"))
      LLLM_SKIP("the npm package @google/genai is not in the build folder");
    const auto node = test::find_program("node");
    if (node.empty()) LLLM_SKIP("there is no node on PATH");

    test::FakeInThread fake;
    FakeReply reply("Grüße aus Bern.");
    reply.reasoning = "Hm.";
    fake->script(reply);
    fake->script(reply);
    fake->script(FakeReply::call("look_up", {{"word", "Bern"}}));
    fake->script(FakeReply("A city."));
    fake->script(FakeReply::error(429, "RESOURCE_EXHAUSTED", "slow down"));
    const auto script = test::source_root() / "tests/testing/google_client.mjs";
    const auto result = test::shell(quoted(node.string()) + " " + quoted(script.string()) + " " +
                                    quoted(modules.string()) + " " + fake->origin());
    const auto seen = parse_json(result.output);
    REQUIRE_MESSAGE(seen.has_value(), result.output);
    CHECK(text_at(*seen, "whole") == reply.text);
    CHECK(text_at(*seen, "streamed") == reply.text);
    CHECK(text_at(*seen, "thoughts") == reply.reasoning);
    CHECK(integer_at(*seen, "chunks").value_or(0) > 1);
    CHECK(integer_at(*seen, "whole_tokens") == integer_at(*seen, "streamed_tokens"));
    CHECK(text_at(*seen, "call") == R"({"name":"look_up","args":{"word":"Bern"}})");
    CHECK(text_at(*seen, "answer") == "A city.");
    CHECK(integer_at(*seen, "error_status") == 429);
  }
}
