// bfloat16 in memory, float32 in registers. Compiled once per CPU capability, as elementary.h.
#pragma once

#include <cstdint>
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

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

// By the processor's own conversion where it has one, which rounds as to_bfloat16 does but for subnormal numbers, which become
// 0, and the bits of NaN.
PEA_INLINE void narrow(const float* __restrict from, BFloat16* __restrict to, uint32_t count) {
#if defined(__AVX512BF16__)
  uint32_t i = 0;
  for (; i + 16 <= count; i += 16) {
    _mm256_storeu_epi16(to + i, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_loadu_ps(from + i))));
  }
  const auto rest = static_cast<__mmask16>((1u << (count - i)) - 1);
  if (rest == 0) return;
  _mm256_mask_storeu_epi16(to + i, rest,
                           reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(rest, from + i))));
#else
#pragma omp simd
  for (uint32_t i = 0; i < count; ++i) to[i] = to_bfloat16(from[i]);
#endif
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
