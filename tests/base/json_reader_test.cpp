#include "lllm/base/json_reader.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "lllm/base/json.hpp"

using namespace lllm;

namespace {

bool well_formed(std::string_view text) {
  TextArena arena;
  JsonReader in(text, arena);
  in.skip();
  return in.finish().has_value();
}

std::string text_of(std::string_view quoted) {
  TextArena arena;
  JsonReader in(quoted, arena);
  std::string text(in.text());
  REQUIRE(in.finish().has_value());
  return text;
}

}  // namespace

TEST_SUITE("base/json_reader") {
  TEST_CASE("what is known is read and the rest is stepped over, in any order") {
    const std::string_view data =
        R"( {"skip":{"a":[1,{"b":"}]"}],"c":null},"id":"x\n","list":[{"n":1},{"n":2.9},{"n":"3"}],"ok":true} )";
    TextArena arena;
    JsonReader in(data, arena);
    std::string_view id;
    std::vector<std::optional<std::int64_t>> numbers;
    std::optional<bool> ok;
    in.object([&](std::string_view key) {
      if (key == "id") {
        id = in.text();
      } else if (key == "list") {
        in.array([&] {
          in.object([&](std::string_view inner) {
            if (inner == "n") numbers.push_back(in.integer());
          });
        });
      } else if (key == "ok") {
        ok = in.boolean();
      }
    });
    REQUIRE(in.finish().has_value());
    CHECK(id == "x\n");
    CHECK(numbers == std::vector<std::optional<std::int64_t>>{1, 2, std::nullopt});
    CHECK(ok == true);
  }

  TEST_CASE("a value of another type reads as not there") {
    TextArena arena;
    JsonReader in(R"([1,"a",null,{},[],true])", arena);
    int texts = 0;
    int count = 0;
    in.array([&] {
      ++count;
      if (in.optional_text()) ++texts;
    });
    CHECK(in.finish().has_value());
    CHECK(count == 6);
    CHECK(texts == 1);
  }

  TEST_CASE("strings: escapes, surrogate pairs, and bytes that are no UTF-8") {
    CHECK(text_of(R"("plain")") == "plain");
    CHECK(text_of(R"("a\"b\\c\/d\b\f\n\r\t")") == "a\"b\\c/d\b\f\n\r\t");
    CHECK(text_of(R"("\u00fc\u20AC\ud83d\ude00!")") == "ü€😀!");
    CHECK(text_of(R"("\ud83d!")") == "\uFFFD!");
    CHECK(text_of(R"("\ude00\ud83d")") == "\uFFFD\uFFFD");
    CHECK(text_of("\"a\xFF"
                  "b\"") == "a\uFFFDb");
    CHECK(text_of("\"\\n\xFF\xFE\"") == "\n\uFFFD\uFFFD");
    CHECK(text_of("\"0123456789abcdefü0123456789\"") == "0123456789abcdefü0123456789");
    const std::string long_text(5000, 'x');
    CHECK(text_of("\"" + long_text + "\\n\"") == long_text + "\n");
  }

  TEST_CASE("raw gives the value as it stands in the text") {
    TextArena arena;
    JsonReader in(R"({"a": {"x": [1, 2]} , "b":3})", arena);
    std::string_view a;
    in.object([&](std::string_view key) {
      if (key == "a") a = in.raw();
    });
    CHECK(in.finish().has_value());
    CHECK(a == R"({"x": [1, 2]})");
  }

  TEST_CASE("it takes and refuses what the parser takes and refuses") {
    for (const std::string_view text : {"{}",        "[]",         "0",
                                        "-0.5e+10",  "\"\"",       "null",
                                        "true",      " [1 , 2 ] ", "{\"a\":{\"b\":[]}}",
                                        "",          "{",          "[",
                                        "[1,]",      "[,1]",       "{\"a\"}",
                                        "{\"a\":}",  "{a:1}",      "{\"a\":1,}",
                                        "nul",       "tru",        "01",
                                        "1.",        "1e",         "-",
                                        "+1",        "\"",         "\"\\x\"",
                                        "\"\\u12\"", "\"a\nb\"",   "{} x",
                                        "[1 2]",     "nan",        "}",
                                        "]",         "\"\\",       "{\"a\":1]"}) {
      CAPTURE(text);
      CHECK(well_formed(text) == parse_json(text).has_value());
    }
  }

  TEST_CASE("fault 115: nesting has a limit") {
    TextArena arena;
    const std::string deep(100'000, '[');
    JsonReader in(deep, arena);
    in.skip();
    const auto read = in.finish();
    REQUIRE(read.has_error());
    CHECK(read.error().kind() == ErrorKind::limit_exceeded);
  }

  TEST_CASE("fault 78: numbers past the range stay at its ends") {
    TextArena arena;
    JsonReader in("[99999999999999999999,-99999999999999999999,1e400,12.0]", arena);
    std::vector<std::int64_t> numbers;
    in.array([&] { numbers.push_back(in.integer().value()); });
    REQUIRE(in.finish().has_value());
    CHECK(numbers == std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::max(),
                                               std::numeric_limits<std::int64_t>::min(),
                                               std::numeric_limits<std::int64_t>::max(), 12});
  }
}
