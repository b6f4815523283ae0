// The element types as the loops see them. Compiled once per CPU capability, as elementary.h.
#pragma once

#include <cstdint>
#include <type_traits>

#include "simd/bfloat16.h"
#include "simd/element_type.h"

namespace pea {
namespace PEA_CAPABILITY {

// float for float and bfloat16, double for double.
template <typename T>
using Arithmetic = std::conditional_t<sizeof(T) == sizeof(double), double, float>;

PEA_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
PEA_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

PEA_INLINE float value(BFloat16 x) { return to_float(x); }
PEA_INLINE float value(float x) { return x; }
PEA_INLINE double value(double x) { return x; }

// Calls body(element) with a value of the type that is named.
template <typename Body>
PEA_INLINE void with_element(ElementType type, const Body& body) {
  switch (type) {
    case ElementType::kFloat32: return body(float());
    case ElementType::kBFloat16: return body(BFloat16());
    case ElementType::kFloat64: return body(double());
  }
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
