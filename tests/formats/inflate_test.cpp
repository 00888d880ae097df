#include "lllm/formats/inflate.hpp"

#include <doctest/doctest.h>

#include "tests/support/pack.hpp"

using namespace lllm;
using lllm::test::pack;

namespace {

struct Unpacked {
  std::optional<Error> error;
  std::string text;
  bool complete = false;
};

Unpacked unpack(const std::string& packed, std::size_t step, std::size_t limit = 1 << 20,
                std::size_t room = 100) {
  Inflater inflater(limit);
  Unpacked unpacked;
  std::string out(room, '\0');
  for (std::size_t at = 0; at < packed.size(); at += step) {
    std::string_view input = std::string_view(packed).substr(at, step);
    while (true) {
      const auto size = inflater.read(input, out.data(), out.size());
      if (!size) return unpacked.error = size.error(), unpacked;
      if (*size == 0) break;
      unpacked.text.append(out, 0, *size);
    }
  }
  unpacked.complete = inflater.complete();
  return unpacked;
}

}  // namespace

TEST_SUITE("formats/inflate") {
  TEST_CASE("fault 34: gzip, zlib and raw deflate unpack, in pieces of any size") {
    std::string text;
    for (int i = 0; i < 500; ++i) text += "line " + std::to_string(i * i) + '\n';
    for (const int bits : {15 + 16, 15, -15}) {
      const auto packed = pack(text, bits);
      for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, packed.size()}) {
        CAPTURE(bits);
        CAPTURE(step);
        const auto unpacked = unpack(packed, step);
        CHECK_FALSE(unpacked.error.has_value());
        CHECK(unpacked.text == text);
        CHECK(unpacked.complete);
        CHECK_FALSE(unpack(packed.substr(0, packed.size() / 2), step).complete);
      }
    }
    const auto twice = pack("one ", 31) + pack("two", 31);
    CHECK(unpack(twice, 3).text == "one two");
  }

  TEST_CASE("fault 34: what is not packed is an error") {
    const auto garbage = unpack(std::string("\x1f\x8bgarbage", 9), 100);
    REQUIRE(garbage.error.has_value());
    CHECK(garbage.error->kind() == ErrorKind::bad_http);
  }

  TEST_CASE("fault 35: a bomb stops at the limit") {
    const auto bomb = pack(std::string(10'000'000, '\0'), 31);
    CHECK(bomb.size() < 20'000);
    const auto unpacked = unpack(bomb, 1000, 100'000);
    REQUIRE(unpacked.error.has_value());
    CHECK(unpacked.error->kind() == ErrorKind::limit_exceeded);
    CHECK(unpacked.text.size() <= 100'000);
    CHECK(unpack(pack(std::string(1000, 'x'), 31), 10, 1000).text.size() == 1000);
  }
}
