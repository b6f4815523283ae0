// bfloat16 in memory, float32 in registers. Compiled once per CPU capability, as elementary.h.
#pragma once

#include <cstdint>

#include "simd/elementary.h"

namespace pea {
namespace PEA_CAPABILITY {

struct BFloat16 {
  uint16_t bits;
};

PEA_INLINE float to_float(BFloat16 x) { return float_of(static_cast<uint32_t>(x.bits) << 16); }

// To nearest, ties to even; every NaN becomes the quiet one that libtorch makes.
PEA_INLINE BFloat16 to_bfloat16(float x) {
  const uint32_t bits = bits_of(x);
  const uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
  return {static_cast<uint16_t>(x != x ? 0x7fc0u : rounded >> 16)};
}

PEA_INLINE void widen(const BFloat16* __restrict from, float* __restrict to, uint32_t count) {
#pragma omp simd
  for (uint32_t i = 0; i < count; ++i) to[i] = to_float(from[i]);
}

PEA_INLINE void narrow(const float* __restrict from, BFloat16* __restrict to, uint32_t count) {
#pragma omp simd
  for (uint32_t i = 0; i < count; ++i) to[i] = to_bfloat16(from[i]);
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
