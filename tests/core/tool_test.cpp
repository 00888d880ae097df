#include "lllm/core/tool.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

using namespace lllm;

namespace {

struct Add {
  int a = 0;
  int b = 0;
};
BOOST_DESCRIBE_STRUCT(Add, (), (a, b))

struct Sum {
  int sum = 0;
};
BOOST_DESCRIBE_STRUCT(Sum, (), (sum))

ToolResult run(const Tool& tool, json::object arguments) {
  asio::io_context context;
  auto result = asio::co_spawn(context, tool.call(std::move(arguments)), asio::use_future);
  context.run();
  return result.get();
}

asio::awaitable<int> add_later(Add args) {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
  co_await timer.async_wait(asio::use_awaitable);
  co_return args.a + args.b;
}

}  // namespace

TEST_SUITE("core/tool") {
  TEST_CASE("the schema is inferred from the argument struct, for plain and awaitable callables") {
    const Tool plain = Tool::from<Add>("add", "Adds.", [](Add args) { return Sum{args.a + args.b}; });
    CHECK(plain.to_tool() == parse_json(R"({"type":"function","function":{"name":"add","description":"Adds.",
      "parameters":{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},
      "required":["a","b"],"additionalProperties":false}}})")
                                 .value());
    CHECK(run(plain, {{"a", 1}, {"b", 2}}).text == R"({"sum":3})");
    CHECK(run(Tool::from<Add>("add", "", add_later), {{"a", 1}, {"b", 2}}).text == "3");
    CHECK(run(Tool::from<Add>("add", "", [](const Add&) { return "text"; }), {{"a", 1}, {"b", 2}}).text ==
          "text");
  }

  TEST_CASE("wrong arguments come back as a sentence for the model, naming every member") {
    const Tool tool = Tool::from<Add>("add", "", [](Add) { return 0; });
    const ToolResult wrong = run(tool, {{"a", "x"}});
    CHECK(wrong.is_error);
    CHECK(wrong.text.find("/a") != std::string::npos);
    CHECK(wrong.text.find("'b'") != std::string::npos);
  }

  TEST_CASE("what the function throws is the tool's failure, not the call's") {
    const Tool tool = Tool::from<Add>("add", "", [](Add) -> int { throw std::runtime_error("disk full"); });
    const ToolResult failed = run(tool, {{"a", 1}, {"b", 2}});
    CHECK(failed.is_error);
    CHECK(failed.text == "The tool failed: disk full");
  }

  TEST_CASE("a result processor decides what the model reads") {
    const Tool tool = Tool::from<Add>(
        "add", "", [](Add args) { return Sum{args.a + args.b}; },
        [](const json::value& result) { return "sum=" + to_json(*find(result, "sum")); });
    CHECK(run(tool, {{"a", 1}, {"b", 2}}).text == "sum=3");
  }
}
