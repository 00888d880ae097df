#include "lllm/wires/partial_args.hpp"

#include <doctest/doctest.h>

namespace lllm {
namespace {

std::string assembled(std::string_view pieces) {
  PartialArgs args;
  const auto list = parse_json(pieces);
  for (const auto& piece : list->as_array()) args.add(piece);
  return to_json(args.value());
}

}  // namespace

TEST_SUITE("wires/partial_args") {
  TEST_CASE("pieces are put at their paths, and strings that go on are appended to") {
    CHECK(assembled(R"([{"jsonPath":"$.city","stringValue":"Par","willContinue":true},
                        {"jsonPath":"$.city","stringValue":"is"},
                        {"jsonPath":"$.days","numberValue":3},
                        {"jsonPath":"$.exact","boolValue":false},
                        {"jsonPath":"$.note","nullValue":"NULL_VALUE"}])") ==
          R"({"city":"Paris","days":3,"exact":false,"note":null})");
  }

  TEST_CASE("nested objects, lists and quoted names") {
    CHECK(assembled(R"([{"jsonPath":"$.a.b[0].c","numberValue":1},{"jsonPath":"$.a.b[1].c","numberValue":2},
                        {"jsonPath":"$['x y']['q]']","boolValue":true},{"jsonPath":"$.list[2]","stringValue":"z"}])") ==
          R"({"a":{"b":[{"c":1},{"c":2}]},"x y":{"q]":true},"list":[null,null,"z"]})");
  }

  TEST_CASE("the same path twice without a continuation replaces") {
    CHECK(assembled(R"([{"jsonPath":"$.a","stringValue":"1"},{"jsonPath":"$.a","stringValue":"2"}])") ==
          R"({"a":"2"})");
  }

  TEST_CASE("paths that make no sense change nothing, and an index cannot ask for memory") {
    for (const char* path :
         {"", "$", "a.b", "$.", "$..a", "$[", "$[x]", "$[-1]", "$[999999999]", "$['a", "$.a["}) {
      CAPTURE(path);
      PartialArgs args;
      args.add(json::object{{"jsonPath", path}, {"stringValue", "x"}});
      CHECK(to_json(args.value()) == "{}");
    }
    CHECK(assembled(R"([{}, 1, null, {"jsonPath":"$.a"}])") == R"({"a":null})");
  }
}

}  // namespace lllm
