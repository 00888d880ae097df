#include "lllm/testing/fake_provider.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

#include "lllm/net/http_client.hpp"
#include "tests/support/loop.hpp"

using namespace lllm;

namespace {

struct Answer {
  int status = 0;
  std::string type;
  json::value body;
};

struct Fixture {
  asio::io_context loop{1};
  FakeProvider provider;
  HttpClient client{loop.get_executor()};
  explicit Fixture(FakeOptions options = {}) : provider(loop.get_executor(), std::move(options)) {}

  asio::awaitable<Answer> exchange(std::string body, std::string path) {
    HttpRequest request("POST", Origin("http", "127.0.0.1", provider.port()), std::move(path), {},
                        std::move(body));
    HttpExchange got = co_await client.send(std::move(request));
    Answer answer;
    answer.status = got.head().status;
    answer.type = media_type(got.head().headers);
    const std::string text = co_await got.read_all(1 << 20);
    if (auto parsed = parse_json(text)) answer.body = std::move(*parsed);
    co_return answer;
  }
  Answer post(std::string body, std::string path = "/v1/chat/completions") {
    return test::run_on(loop, exchange(std::move(body), std::move(path)));
  }
};

const std::string hello = R"({"model":"m","messages":[{"role":"user","content":"hello"}]})";

}  // namespace

TEST_SUITE("testing/fake_provider") {
  TEST_CASE("what a real provider refuses, it refuses in the wire's own shape") {
    Fixture f;
    CHECK(f.post(hello, "/v1/nothing").status == 404);
    CHECK(f.post("{").status == 400);
    CHECK(f.post(R"({"messages":[{"role":"user","content":"x"}]})").status == 400);
    CHECK(f.post(R"({"model":"m","messages":[]})").status == 400);
    CHECK(f.post(R"({"model":"m","messages":[{"role":"king","content":"x"}]})").status == 400);
    const Answer no_id = f.post(R"({"model":"m","messages":[{"role":"tool","content":"x"}]})");
    CHECK(no_id.status == 400);
    CHECK(as_text(find_at(no_id.body, "/error/message")).find("tool_call_id") != std::string_view::npos);
    CHECK(f.provider.stats().refused == 6);
  }

  TEST_CASE("without a script it calls the first tool with arguments that fit, and then answers") {
    Fixture f;
    const std::string tools =
        R"(,"tools":[{"type":"function","function":{"name":"t","parameters":{"type":"object",
      "properties":{"n":{"type":"integer"},"s":{"type":"string","enum":["a","b"]},"o":{"type":"boolean"}},
      "required":["n","s"]}}}]})";
    const Answer call = f.post(R"({"model":"m","messages":[{"role":"user","content":"hello"}])" + tools);
    CHECK(as_text(find_at(call.body, "/choices/0/message/tool_calls/0/function/arguments")) ==
          R"({"n":1,"s":"a"})");
    const Answer answer = f.post(
        R"({"model":"m","messages":[{"role":"user","content":"hello"},{"role":"tool","tool_call_id":"c","content":"r"}])" +
        tools);
    CHECK_FALSE(as_text(find_at(answer.body, "/choices/0/message/content")).empty());
  }

  TEST_CASE("the same seed gives the same answers") {
    Fixture a;
    Fixture b;
    Fixture c(FakeOptions().seed(2));
    const auto words = [](Fixture& f) {
      return std::string(as_text(find_at(f.post(hello).body, "/choices/0/message/content")));
    };
    const std::string first = words(a);
    CHECK(first == words(b));
    CHECK(first != words(c));
  }

  TEST_CASE("scripted errors carry their headers") {
    Fixture f;
    FakeReply busy = FakeReply::error(529, "overloaded_error", "busy");
    f.provider.script(busy);
    const Answer answer = f.post(hello);
    CHECK(answer.status == 529);
    CHECK(as_text(find_at(answer.body, "/error/type")) == "overloaded_error");
  }
}
