// Anthropic's own client and the fake provider's Messages API.
#include "tests/testing/node_client.hpp"

using namespace lllm;

TEST_SUITE("testing/anthropic_client") {
  TEST_CASE("@anthropic-ai/sdk reads messages: whole, streamed, tools, errors, an error inside a stream") {
    LLLM_NEEDS_NODE_PACKAGE("@anthropic-ai/sdk");
    test::FakeInThread fake;
    FakeReply words("Grüße, and \"quotes\" too.");
    words.reasoning = "Let me think.";
    test::answer_clients(fake, words, FakeReply::error(529, "overloaded_error", "too busy"));
    const json::value seen = test::run_node_client("anthropic_client.mjs", fake->origin());
    const auto text = [&](const char* at) { return as_text(find_at(seen, at)); };
    const json::array kinds{"thinking", "text"};
    CHECK(text("/whole/text") == words.text);
    CHECK(text("/whole/thinking") == words.reasoning);
    CHECK(text("/whole/stop") == "end_turn");
    CHECK(*find_at(seen, "/whole/kinds") == kinds);
    CHECK(text("/streamed/text") == words.text);
    CHECK(text("/streamed/thinking") == words.reasoning);
    CHECK(*find_at(seen, "/streamed/chunks") == 4);
    CHECK(*find_at(seen, "/streamed/kinds") == kinds);
    CHECK(*find_at(seen, "/streamed/signed") == true);
    CHECK(text("/streamed/stop") == "end_turn");
    CHECK(*find_at(seen, "/streamed/output") == *find_at(seen, "/whole/output"));
    CHECK(text("/call/name") == "look_up");
    CHECK(text("/call/input/word") == "Bern");
    CHECK(text("/call/stop") == "tool_use");
    CHECK(text("/answer") == words.text);
    CHECK(text("/errors/0/name") == "BadRequestError");
    CHECK(text("/errors/1/type") == "overloaded_error");
    CHECK(*find_at(seen, "/errors/1/status") == 529);
    CHECK(text("/broken").find("server_error") != std::string_view::npos);
  }
}
