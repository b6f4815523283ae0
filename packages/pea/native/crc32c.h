// The checksum of TFRecords.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pea {

// CRC-32C (Castagnoli), eight bytes at a time.
uint32_t crc32c(const uint8_t* bytes, size_t length);

}  // namespace pea
