#include "lllm/base/describe.hpp"

#include <doctest/doctest.h>

using namespace lllm;

namespace {

enum class Order { newest, cheapest };
BOOST_DESCRIBE_ENUM(Order, newest, cheapest)

struct Range {
  int low = 0;
  std::optional<int> high;
};
BOOST_DESCRIBE_STRUCT(Range, (), (low, high))

struct Search {
  std::string query;
  std::vector<Range> ranges;
  Order order = Order::newest;
  std::map<std::string, double> weights;
  bool exact = false;
  static std::string_view describe_member(std::string_view name) {
    return name == "query" ? "What to look for" : "";
  }
};
BOOST_DESCRIBE_STRUCT(Search, (), (query, ranges, order, weights, exact))

json::value parsed(std::string_view text) {
  return parse_json(text).value();
}

}  // namespace

TEST_SUITE("base/describe") {
  TEST_CASE("a struct's schema names types, required members, enumerators and explanations") {
    const json::value schema = schema_of<Search>();
    CHECK(*find_at(schema, "/properties/query") ==
          parsed(R"({"type":"string","description":"What to look for"})"));
    CHECK(*find_at(schema, "/properties/ranges/items/properties/high/type") ==
          parsed(R"(["integer","null"])"));
    CHECK(*find_at(schema, "/properties/ranges/items/required") == parsed(R"(["low"])"));
    CHECK(*find_at(schema, "/properties/order/enum") == parsed(R"(["newest","cheapest"])"));
    CHECK(*find_at(schema, "/properties/weights/additionalProperties/type") == "number");
    CHECK(*find_at(schema, "/additionalProperties") == false);
  }

  TEST_CASE("JSON reads into the struct and writes back the same") {
    const auto text = R"({"query":"a","ranges":[{"low":1},{"low":2,"high":9}],"order":"cheapest",
                          "weights":{"x":0.5},"exact":true})";
    const auto search = from_json<Search>(parsed(text));
    REQUIRE(search.has_value());
    CHECK(search->ranges[1].high == 9);
    CHECK(search->order == Order::cheapest);
    CHECK(to_json_value(*search) == parsed(text));
  }

  TEST_CASE("an error names the member, what was expected and what was found") {
    const auto message = [](const char* text) { return from_json<Search>(parsed(text)).error().message(); };
    CHECK(message(R"({"query":3})") == "/query: expected a string, found an integer");
    CHECK(message(R"({})") == "/: 'query' is missing");
    CHECK(message(R"({"query":"a","ranges":[{"low":"x"}]})") ==
          "/ranges/0/low: expected an integer, found a string");
    CHECK(message(R"({"query":"a","ranges":[],"order":"old"})") ==
          "/order: 'old' is none of 'newest' 'cheapest'");
    CHECK(message(R"({"query":"a","ranges":[{"low":99999999999}]})") ==
          "/ranges/0/low: the integer is out of range");
    CHECK(message(R"([])") == "/: expected an object, found an array");
  }
}
