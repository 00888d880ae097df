// Google's own JavaScript client, which nobody here wrote, drives the fake provider.
#include "tests/testing/node_client.hpp"

using namespace lllm;

TEST_SUITE("testing/google_client") {
  TEST_CASE("@google/genai reads whole answers, streams, tool calls and errors as they were scripted") {
    LLLM_NEEDS_NODE_PACKAGE("@google/genai");
    test::FakeInThread fake;
    FakeReply reply("Grüße aus Bern.");
    reply.reasoning = "Hm.";
    fake.script(reply);
    fake.script(reply);
    fake.script(FakeReply::call("look_up", {{"word", "Bern"}}));
    fake.script(FakeReply("A city."));
    fake.script(FakeReply::error(429, "RESOURCE_EXHAUSTED", "slow down"));
    const json::value seen = test::run_node_client("google_client.mjs", fake->origin());
    CHECK(text_at(seen, "whole") == reply.text);
    CHECK(text_at(seen, "streamed") == reply.text);
    CHECK(text_at(seen, "thoughts") == reply.reasoning);
    CHECK(integer_at(seen, "chunks").value_or(0) > 1);
    CHECK(integer_at(seen, "whole_tokens") == integer_at(seen, "streamed_tokens"));
    CHECK(text_at(seen, "call") == R"({"name":"look_up","args":{"word":"Bern"}})");
    CHECK(text_at(seen, "answer") == "A city.");
    CHECK(integer_at(seen, "error_status") == 429);
  }
}
