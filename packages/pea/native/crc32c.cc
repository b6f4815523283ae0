#include "crc32c.h"

#include <array>

namespace pea {
namespace {

// Reflected Castagnoli polynomial.
constexpr uint32_t kPolynomial = 0x82f63b78;

using Tables = std::array<std::array<uint32_t, 256>, 8>;

// tables[n][b]: what byte b adds to the checksum when n bytes follow it ("slicing by eight").
Tables make_tables() {
  Tables tables;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ kPolynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  for (size_t n = 1; n < 8; ++n)
    for (size_t byte = 0; byte < 256; ++byte)
      tables[n][byte] = (tables[n - 1][byte] >> 8) ^ tables[0][tables[n - 1][byte] & 0xff];
  return tables;
}

}  // namespace

uint32_t crc32c(const uint8_t* bytes, size_t length) {
  static const Tables tables = make_tables();
  uint32_t crc = 0xffffffff;
  for (; length >= 8; bytes += 8, length -= 8) {
    const uint32_t low = crc ^ (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | uint32_t{bytes[3]} << 24);
    crc = tables[7][low & 0xff] ^ tables[6][(low >> 8) & 0xff] ^ tables[5][(low >> 16) & 0xff] ^ tables[4][low >> 24] ^
          tables[3][bytes[4]] ^ tables[2][bytes[5]] ^ tables[1][bytes[6]] ^ tables[0][bytes[7]];
  }
  for (; length > 0; ++bytes, --length) crc = tables[0][(crc ^ *bytes) & 0xff] ^ (crc >> 8);
  return crc ^ 0xffffffff;
}

}  // namespace pea
