// A real client that nobody here wrote drives the fake provider.
#include "tests/testing/node_client.hpp"

using namespace lllm;

TEST_SUITE("testing/fake_provider") {
  TEST_CASE("OpenAI's own client agrees: unstreamed, streamed, tools, tool results, errors") {
    LLLM_NEEDS_NODE_PACKAGE("openai");
    const std::string answer = "Grüße, and \"quotes\" too.";
    test::FakeInThread fake;
    fake.respond_with([&](const FakeRequest& request) {
      if (request.last_user_text == "fail") return FakeReply::error(429, "rate_limit_error", "slow down");
      if (request.tools.empty() || request.tool_results > 0) return FakeReply(answer);
      return FakeReply::call("search", {{"query", "Grüße"}});
    });
    const json::value told = test::run_node_client("openai_client.mjs", fake->base_url());
    const auto text = [&](const char* at) { return as_text(find_at(told, at)); };
    CHECK(text("/plain/text") == answer);
    CHECK(text("/plain/finish") == "stop");
    CHECK(*find_at(told, "/plain/usage/completion_tokens") == 4);
    CHECK(text("/streamed/text") == answer);
    CHECK(*find_at(told, "/streamed/chunks") == 4);
    CHECK(text("/streamed/finish") == "stop");
    CHECK(*find_at(told, "/streamed/usage") == *find_at(told, "/plain/usage"));
    CHECK(text("/call/name") == "search");
    CHECK(text("/call/arguments/query") == "Grüße");
    CHECK(text("/streamedCall/arguments/query") == "Grüße");
    CHECK(text("/afterTool") == answer);
    CHECK(text("/error/name") == "RateLimitError");
    CHECK(*find_at(told, "/error/status") == 429);
    CHECK(text("/error/requestId").starts_with("req_fake_"));
  }
}
