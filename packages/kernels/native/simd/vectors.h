// Vectors as long as the registers of the capability, or shorter ones. Compiled once per CPU capability, as
// elementary.h.
#pragma once

#include <cstring>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "simd/bfloat16.h"

namespace pea {
namespace PEA_CAPABILITY {

#if defined(__AVX512F__)
constexpr int kRegisterBytes = 64;
#elif defined(__AVX2__)
constexpr int kRegisterBytes = 32;
#else
constexpr int kRegisterBytes = 16;
#endif

template <typename F>
constexpr int kLanesOf = kRegisterBytes / static_cast<int>(sizeof(F));

template <typename F, int kLanes>
struct VectorType {
  typedef F type __attribute__((vector_size(kLanes * sizeof(F))));
};

template <typename F, int kLanes = kLanesOf<F>>
using Vector = typename VectorType<F, kLanes>::type;

template <typename V, typename F>
PEA_INLINE V load(const F* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <typename V, typename F>
PEA_INLINE void store(const V& v, F* to) {
  std::memcpy(to, &v, sizeof v);
}

// The bits of as many bfloat16 as Bits has lanes, of 32 bits each.
template <typename Bits>
PEA_INLINE Bits load_bits(const BFloat16* from) {
#if defined(__AVX512F__)
  // GCC 12 makes five instructions of the general form.
  if constexpr (sizeof(Bits) == 64) {
    return reinterpret_cast<Bits>(_mm512_maskz_cvtepu16_epi32(0xffff, load<__m256i>(&from->bits)));
  }
#endif
  return __builtin_convertvector((load<Vector<uint16_t, sizeof(Bits) / sizeof(uint32_t)>>(&from->bits)), Bits);
}

// V: of float.
template <typename V>
PEA_INLINE V load(const BFloat16* from) {
  return reinterpret_cast<V>(load_bits<Vector<uint32_t, sizeof(V) / sizeof(float)>>(from) << 16);
}

// As `narrow` does.
template <typename V>
PEA_INLINE void store(const V& v, BFloat16* to) {
  constexpr int kLanes = sizeof(V) / sizeof(float);
#if defined(__AVX512BF16__)
  if constexpr (kLanes == 16) return store(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(v)), &to->bits);
  if constexpr (kLanes == 8) return store(_mm256_cvtneps_pbh(reinterpret_cast<__m256>(v)), &to->bits);
#endif
  using Bits = Vector<uint32_t, kLanes>;
  const Bits bits = reinterpret_cast<Bits>(v), rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  store(__builtin_convertvector(v != v ? Bits{} + 0x7fc0u : rounded, Vector<uint16_t, kLanes>), &to->bits);
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
