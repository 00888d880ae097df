#include "lllm/formats/crc32.hpp"

#include <zlib.h>

#include <string>

#include <doctest/doctest.h>

using namespace lllm;

TEST_SUITE("formats/crc32") {
  TEST_CASE("a CRC-32 is the one that zlib computes, for any length, place and beginning") {
    CHECK(crc32_of("123456789") == 0xCBF43926);  // the check value of the catalogue of CRCs
    CHECK(crc32_of("") == 0);
    std::string text;
    for (unsigned i = 0; i < 300; ++i) text += static_cast<char>(i * 167 + i / 7);
    for (std::size_t from = 0; from < 9; ++from)
      for (std::size_t size = 0; from + size <= text.size(); ++size) {
        const auto part = std::string_view(text).substr(from, size);
        const auto expected =
            ::crc32(0, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size()));
        REQUIRE(crc32_of(part) == expected);
        REQUIRE(crc32_of(part.substr(size / 3), crc32_of(part.substr(0, size / 3))) == expected);
      }
  }
}
