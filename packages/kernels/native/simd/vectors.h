// Vectors as long as the registers of the capability, or shorter ones. Compiled once per CPU capability, as
// elementary.h.
#pragma once

#include <cstring>
#include <type_traits>
#include <utility>

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

// The type of the lanes of a vector; that of a number is its own.
template <typename V, typename = void>
struct LaneType {
  using type = V;
};
template <typename V>
struct LaneType<V, std::void_t<decltype(std::declval<V>()[0])>> {
  using type = std::remove_reference_t<decltype(std::declval<V>()[0])>;
};

template <typename V>
using Lane = typename LaneType<V>::type;

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

// Lanes of a, then of b, by their index in both. GCC knows clang's builtin from 12 on.
template <size_t... kLanes, typename V>
PEA_INLINE V shuffle(const V& a, const V& b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, kLanes...);
#else
  using Indices = Vector<int32_t, sizeof...(kLanes)>;
  return __builtin_shuffle(a, b, Indices{static_cast<int32_t>(kLanes)...});
#endif
}

// Columns change places where the bit kDistance of their index is set in one of a and b, and not in the other. V: of 32 bits.
template <int kDistance, typename V, size_t... kIndex>
PEA_INLINE void exchange_columns(V& a, V& b, std::index_sequence<kIndex...>) {
  constexpr size_t kCount = sizeof...(kIndex);
  const V first = a;
  a = shuffle<(kIndex & kDistance ? kCount + kIndex - kDistance : kIndex)...>(first, b);
  b = shuffle<(kIndex & kDistance ? kCount + kIndex : kIndex + kDistance)...>(first, b);
}

// Rows and columns of a square change places.
template <int kDistance, typename V, size_t kRows>
PEA_INLINE void transpose(V (&rows)[kRows]) {
  if constexpr (kDistance > 0) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kRows; ++i) {
      if ((i & kDistance) == 0) exchange_columns<kDistance>(rows[i], rows[i + kDistance], std::make_index_sequence<kRows>());
    }
    transpose<kDistance / 2>(rows);
  }
}
template <typename V, size_t kRows>
PEA_INLINE void transpose(V (&rows)[kRows]) {
  transpose<kRows / 2>(rows);
}

// v, which is used several times: GCC 12 reads it from memory for each use where it can, and an AVX-512 processor reads
// one vector in the time of a product.
template <typename V>
PEA_INLINE V in_register(V v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#endif
  return v;
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

#if defined(__AVX512F__)
// Of vectors as long as the registers. Where a mask has all lanes, the form without one makes GCC 12 warn in its header.
constexpr __mmask16 kAllLanes = 0xffff;

PEA_INLINE Vector<float> magnitude(const Vector<float>& v) {
  return reinterpret_cast<Vector<float>>(reinterpret_cast<Vector<uint32_t>>(v) & 0x7fffffffu);
}

// v, but at most the bound; NaN stays NaN. GCC 12 makes a mask of a selection.
PEA_INLINE Vector<float> at_most(float bound, const Vector<float>& v) {
  return reinterpret_cast<Vector<float>>(
      _mm512_maskz_min_ps(kAllLanes, _mm512_set1_ps(bound), reinterpret_cast<__m512>(v)));
}

// v, but at least 0; NaN stays NaN.
PEA_INLINE Vector<float> at_least_0(const Vector<float>& v) {
  return reinterpret_cast<Vector<float>>(
      _mm512_maskz_max_ps(kAllLanes, _mm512_setzero_ps(), reinterpret_cast<__m512>(v)));
}

// table[index & 15] in each lane.
PEA_INLINE Vector<float> look_up(const Vector<float>& table, const Vector<int32_t>& index) {
  return reinterpret_cast<Vector<float>>(_mm512_maskz_permutexvar_ps(
      kAllLanes, reinterpret_cast<__m512i>(index), reinterpret_cast<__m512>(table)));
}

// The first `count` lanes, of 32 bits; the others are 0 and are not read.
template <typename F>
PEA_INLINE Vector<F> load_first(const F* from, uint32_t count) {
  return reinterpret_cast<Vector<F>>(_mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << count) - 1), from));
}

template <typename F>
PEA_INLINE void store_first(const Vector<F>& v, F* to, uint32_t count) {
  _mm512_mask_storeu_epi32(to, static_cast<__mmask16>((1u << count) - 1), reinterpret_cast<__m512i>(v));
}
#endif

}  // namespace PEA_CAPABILITY
}  // namespace pea
