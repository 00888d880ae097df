#include "lllm/formats/crc32.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace lllm {
namespace {

using Table = std::array<std::uint32_t, 256>;

/// The first is the table of one byte; the k-th is that of a byte with k more behind it.
constexpr std::array<Table, 8> make_tables() {
  constexpr std::uint32_t reversed_polynomial = 0xEDB88320;
  std::array<Table, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = (rest & 1) != 0 ? rest >> 1 ^ reversed_polynomial : rest >> 1;
    tables[0][byte] = rest;
  }
  for (std::size_t k = 1; k < tables.size(); ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xFF];
  return tables;
}

constexpr std::array<Table, 8> tables = make_tables();

std::uint32_t word_at(const char* bytes) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

}  // namespace

std::uint32_t crc32_of(std::string_view bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      const std::uint32_t low = word_at(at) ^ crc;
      const std::uint32_t high = word_at(at + 4);
      crc = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^
            tables[4][low >> 24] ^ tables[3][high & 0xFF] ^ tables[2][high >> 8 & 0xFF] ^
            tables[1][high >> 16 & 0xFF] ^ tables[0][high >> 24];
    }
  }
  for (; at != end; ++at) crc = crc >> 8 ^ tables[0][(crc ^ static_cast<unsigned char>(*at)) & 0xFF];
  return ~crc;
}

}  // namespace lllm
