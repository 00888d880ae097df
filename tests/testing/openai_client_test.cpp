// A real client that nobody here wrote drives the fake provider.
#include <doctest/doctest.h>

#include "lllm/base/json.hpp"
#include "tests/support/fake_in_thread.hpp"
#include "tests/support/shell.hpp"
#include "tests/support/skip.hpp"

using namespace lllm;
using test::quoted;

TEST_SUITE("testing/fake_provider") {
  TEST_CASE("OpenAI's own client agrees: unstreamed, streamed, tools, tool results, errors") {
    const auto package = test::build_root() / "npm/node_modules/openai";
    if (!std::filesystem::is_directory(package))
      LLLM_SKIP("the npm package openai is not in the build folder");
    const auto node = test::find_program("node");
    if (node.empty()) LLLM_SKIP("there is no node on PATH");

    test::FakeInThread fake;
    const std::string answer = "Grüße, and \"quotes\" too.";
    fake->respond_with([&](const FakeRequest& request) {
      if (request.last_user_text == "fail") return FakeReply::error(429, "rate_limit_error", "slow down");
      if (request.tools.empty() || request.tool_results > 0) return FakeReply(answer);
      return FakeReply::call("search", {{"query", "Grüße"}});
    });
    const auto script = test::source_root() / "tests/testing/openai_client.mjs";
    const auto result = test::shell(quoted(node.string()) + " " + quoted(script.string()) + " " +
                                    quoted(package.string()) + " " + fake->base_url());
    const auto told = parse_json(result.output);
    REQUIRE_MESSAGE(told.has_value(), result.output);
    const auto text = [&](const char* at) { return as_text(find_at(*told, at)); };
    CHECK(text("/plain/text") == answer);
    CHECK(text("/plain/finish") == "stop");
    CHECK(*find_at(*told, "/plain/usage/completion_tokens") == 4);
    CHECK(text("/streamed/text") == answer);
    CHECK(*find_at(*told, "/streamed/chunks") == 4);
    CHECK(text("/streamed/finish") == "stop");
    CHECK(*find_at(*told, "/streamed/usage") == *find_at(*told, "/plain/usage"));
    CHECK(text("/call/name") == "search");
    CHECK(text("/call/arguments/query") == "Grüße");
    CHECK(text("/streamedCall/arguments/query") == "Grüße");
    CHECK(text("/afterTool") == answer);
    CHECK(text("/error/name") == "RateLimitError");
    CHECK(*find_at(*told, "/error/status") == 429);
    CHECK(text("/error/requestId").starts_with("req_fake_"));
  }
}
