// What the body of a loop over elements takes at once: one element, of which `omp simd` makes vectors, or, where it must
// name vectors itself, one of these, cut at the end of the arrays. Bodies read and write by `lanes`, so that they are
// written once. Compiled once per CPU capability, as elementary.h.
#pragma once

#include <cstdint>

#include "simd/elements.h"
#include "simd/vectors.h"

namespace pea {
namespace PEA_CAPABILITY {

struct OneElement {
  template <typename T>
  PEA_INLINE Arithmetic<T> load(const T* from) const {
    return value(*from);
  }
  PEA_INLINE uint32_t load(const uint32_t* from) const { return *from; }

  template <typename F>
  PEA_INLINE void store(F v, F* to) const {
    *to = v;
  }
};

#if defined(__AVX512F__)
constexpr uint32_t kLanes = kLanesOf<float>;

struct WholeVector {
  template <typename F>
  PEA_INLINE Vector<F> load(const F* from) const {
    return PEA_CAPABILITY::load<Vector<F>>(from);
  }
  PEA_INLINE void store(Vector<float> v, float* to) const { PEA_CAPABILITY::store(v, to); }
};

struct CutVector {
  uint32_t count;  // less than kLanes

  template <typename F>
  PEA_INLINE Vector<F> load(const F* from) const {
    return load_first(from, count);
  }
  PEA_INLINE void store(Vector<float> v, float* to) const { store_first(v, to, count); }
};

template <typename Body>
PEA_INLINE void for_each_vector(uint32_t count, const Body& body) {
  uint32_t i = 0;
  for (; i + kLanes <= count; i += kLanes) body(WholeVector(), i);
  if (i < count) body(CutVector{count - i}, i);
}

template <typename Body>
PEA_INLINE void for_each_vector(uint32_t count, uint32_t counter, uint32_t increment, const Body& body) {
  Vector<uint32_t> counters;
  for (uint32_t lane = 0; lane < kLanes; ++lane) counters[lane] = counter + lane * increment;
  for_each_vector(count, [&](auto lanes, uint32_t i) PEA_INLINE_BODY { body(lanes, i, counters + i * increment); });
}
#endif

// Calls body(lanes, index of the first element) for all elements; body is PEA_INLINE_BODY.
template <bool kByVectors, typename Body>
PEA_INLINE void for_each_lanes(uint32_t count, const Body& body) {
  if constexpr (kByVectors) {
    for_each_vector(count, body);
  } else {
#pragma omp simd
    for (uint32_t i = 0; i < count; ++i) body(OneElement(), i);
  }
}

// Calls body(lanes, index of the first element, its counter or the counters of each) for elements whose counters are
// kIncrement apart.
template <bool kByVectors, uint32_t kIncrement, typename Body>
PEA_INLINE void for_each_lanes(uint32_t count, uint32_t counter, const Body& body) {
  if constexpr (kByVectors) {
    for_each_vector(count, counter, kIncrement, body);
  } else {
#pragma omp simd linear(counter : kIncrement)
    for (uint32_t i = 0; i < count; ++i) {
      body(OneElement(), i, counter);
      counter += kIncrement;
    }
  }
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
