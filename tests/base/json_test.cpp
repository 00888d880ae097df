#include "lllm/base/json.hpp"

#include <doctest/doctest.h>

#include <array>
#include <charconv>
#include <limits>

#include "lllm/base/base64.hpp"
#include "lllm/base/hash.hpp"

using namespace lllm;

TEST_SUITE("base/json") {
  TEST_CASE("fault 115: JSON nested 100,000 deep is a limit error, not a crash") {
    const auto deep = parse_json(std::string(100'000, '['));
    REQUIRE(deep.has_error());
    CHECK(deep.error().kind() == ErrorKind::limit_exceeded);
  }

  TEST_CASE("a parse error names the byte where it went wrong") {
    const auto broken = parse_json(R"({"a": nope})");
    REQUIRE(broken.has_error());
    CHECK(broken.error().message().find("byte 6") != std::string::npos);
    CHECK(parse_json("{} trailing").has_error());
    CHECK(parse_json("").has_error());
    CHECK(parse_json("{}  \n").has_value());
  }

  TEST_CASE("absent, null and values of another type all read as not there") {
    const json::value v =
        parse_json(R"({"n":null,"s":"x","i":3,"f":2.0,"big":18446744073709551615})").value();
    CHECK(text_at(v, "s") == "x");
    CHECK(text_at(v, "i").empty());
    CHECK(text_at(v, "n").empty());
    CHECK(text_at(v, "gone").empty());
    CHECK(integer_at(v, "f") == 2);
    CHECK(integer_at(v, "s") == std::nullopt);
    CHECK(integer_at(v, "big") == std::numeric_limits<std::int64_t>::max());
    CHECK(find_at(v, "/s/deeper") == nullptr);
  }

  TEST_CASE("strings are written with their escapes, and bytes that are no UTF-8 as U+FFFD") {
    std::string out = "x";
    append_json_string(out, std::string_view("a\"b\\c\n\x01\0z", 9));
    CHECK(out == "x\"a\\\"b\\\\c\\n\\u0001\\u0000z\"");
    out.clear();
    append_json_string(out,
                       "Gr\xC3\xBC\xC3\x9F"
                       "e");
    CHECK(out ==
          "\"Gr\xC3\xBC\xC3\x9F"
          "e\"");
    out.clear();
    append_json_string(out,
                       "a\xFF"
                       "b");
    CHECK(out ==
          "\"a\xEF\xBF\xBD"
          "b\"");
  }

  TEST_CASE("numbers are written as people write them, and everything reads back equal") {
    const json::value v =
        parse_json(R"({"t":0.2,"n":[1,-2,18446744073709551615,1e300,{}],"e":[],"s":"a\"b"})").value();
    CHECK(to_json(v) == R"({"t":0.2,"n":[1,-2,18446744073709551615,1e+300,{}],"e":[],"s":"a\"b"})");
    // Small decimals take a shorter way; it must not show.
    for (int n = -50; n < 30'000; ++n)
      for (const double number : {n / 1000.0, n * 0.001, n / 7.0, n * 1.0}) {
        std::array<char, 32> digits{};
        *std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr = '\0';
        if (to_json(number) != digits.data()) FAIL(to_json(number) << " for " << digits.data());
      }
    CHECK(parse_json(to_pretty_json(v)).value() == v);
  }

  TEST_CASE("a deep merge merges objects and replaces lists and scalars") {
    json::value base = parse_json(R"({"a":{"x":1,"y":[1,2]},"b":1})").value();
    deep_merge(base, parse_json(R"({"a":{"y":[3],"z":true},"b":{"c":1}})").value());
    CHECK(base == parse_json(R"({"a":{"x":1,"y":[3],"z":true},"b":{"c":1}})").value());
  }
}

TEST_SUITE("base/base64") {
  TEST_CASE("every length comes back unchanged, in both alphabets, padded or not") {
    std::string bytes;
    for (int i = 0; i < 70; ++i) {
      CHECK(base64_decode(base64_encode(bytes)).value() == bytes);
      CHECK(base64_decode(base64url_encode(bytes)).value() == bytes);
      bytes += static_cast<char>(i * 37);
    }
    CHECK(base64_encode("foob") == "Zm9vYg==");
  }
  TEST_CASE("what is not base64 is an error") {
    CHECK(base64_decode("Zm9*").has_error());
    CHECK(base64_decode("Zm9vY").has_error());
    CHECK(base64_decode("Zm=9").has_error());
  }
}

TEST_SUITE("base/hash") {
  TEST_CASE("digests match the vectors of FIPS 180-4 and RFC 4231") {
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(random_hex(8).size() == 16);
    CHECK(random_hex(8) != random_hex(8));
  }
}
