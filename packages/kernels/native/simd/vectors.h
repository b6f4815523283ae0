// Vectors as long as the registers of the capability, or shorter ones. Compiled once per CPU capability, as
// elementary.h.
#pragma once

#include <cstring>

#include "simd/elementary.h"

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

}  // namespace PEA_CAPABILITY
}  // namespace pea
