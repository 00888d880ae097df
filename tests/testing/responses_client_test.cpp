// OpenAI's own client and the fake provider's Responses API.
#include "tests/testing/node_client.hpp"

using namespace lllm;

TEST_SUITE("testing/responses_client") {
  TEST_CASE("OpenAI's client reads responses: whole, streamed, tools, errors, an error inside a stream") {
    LLLM_NEEDS_NODE_PACKAGE("openai");
    test::FakeInThread fake;
    FakeReply words("Grüße, and \"quotes\" too.");
    words.reasoning = "Let me think.";
    test::answer_clients(fake, words, FakeReply::error(429, "rate_limit_error", "slow down"));
    const json::value seen = test::run_node_client("responses_client.mjs", fake->base_url());
    const auto text = [&](const char* at) { return as_text(find_at(seen, at)); };
    const json::array kinds{"reasoning", "message"};
    CHECK(text("/whole/text") == words.text);
    CHECK(text("/whole/summary") == words.reasoning);
    CHECK(text("/whole/status") == "completed");
    CHECK(*find_at(seen, "/whole/kinds") == kinds);
    CHECK(text("/streamed/text") == words.text);
    CHECK(text("/streamed/summary") == words.reasoning);
    CHECK(*find_at(seen, "/streamed/chunks") == 4);
    CHECK(*find_at(seen, "/streamed/final") == kinds);
    CHECK(*find_at(seen, "/streamed/usage") == *find_at(seen, "/whole/usage"));
    const auto& numbers = find_at(seen, "/streamed/events")->get_array();
    for (std::size_t i = 0; i < numbers.size(); ++i) CHECK(numbers[i] == json::value(i));
    CHECK(text("/background/first") == "queued");
    CHECK(text("/background/later") == "completed");
    CHECK(text("/background/text") == words.text);
    CHECK(*find_at(seen, "/background/same") == true);
    CHECK(text("/unknown") == "NotFoundError");
    CHECK(text("/call/name") == "look_up");
    CHECK(text("/call/arguments/word") == "Bern");
    CHECK(text("/answer") == words.text);
    CHECK(text("/errors/0/name") == "BadRequestError");
    CHECK(text("/errors/0/message").find("No tool call found") != std::string_view::npos);
    CHECK(text("/errors/1/name") == "RateLimitError");
    CHECK((text("/broken") == "APIError" || text("/last_event") == "response.failed"));
  }
}
