// Elementary functions: in float32 branch-free polynomials, which compilers vectorize; in float64 libm's.
// Compiled once per CPU capability (see CMakeLists.txt), each into a namespace of its own.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#define PEA_INLINE inline __attribute__((always_inline))
// Of a function that is made in place, before its braces: called for each vector, it would find what it needs in memory.
#define PEA_INLINE_BODY __attribute__((always_inline))

namespace pea {
namespace PEA_CAPABILITY {

PEA_INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

PEA_INLINE float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

PEA_INLINE float magnitude(float x) { return __builtin_fabsf(x); }
PEA_INLINE double magnitude(double x) { return __builtin_fabs(x); }

// x, or -x where the condition holds; by bits, because compilers turn a selection of -x into mask arithmetic.
PEA_INLINE float negate_if(bool condition, float x) { return float_of(bits_of(x) ^ (condition ? 0x80000000u : 0u)); }
PEA_INLINE double negate_if(bool condition, double x) { return condition ? -x : x; }

template <int kCount>
PEA_INLINE float estrin(const float* c, float x, float x2, float x4) {
  if constexpr (kCount == 1) {
    return c[0];
  } else if constexpr (kCount == 2) {
    return c[1] * x + c[0];
  } else {
    constexpr int kLow = kCount > 6 ? 4 : 2;
    return estrin<kCount - kLow>(c + kLow, x, x2, x4) * (kLow == 4 ? x4 : x2) + estrin<kLow>(c, x, x2, x4);
  }
}

// c[0] + c[1] x + c[2] x² + … by Estrin's scheme: the loops are bound by latency, and this halves Horner's.
template <int kCount>
PEA_INLINE float polynomial(const float (&c)[kCount], float x) {
  const float x2 = x * x;
  return estrin<kCount>(c, x, x2, x2 * x2);
}

// e^-z = scale + scale · fraction with scale a power of two: exp and expm1 both follow without cancellation.
struct Exponential {
  float scale, fraction;
};

// For 0 <= z <= 88, or NaN (which stays NaN). From z = 87.69 on the scale is exactly 0.
PEA_INLINE Exponential exp_parts(float z) {
  constexpr float kLog2E = 1.44269504f;
  // Adding 1.5 · 2^23 rounds to an integer, which then stands in the low bits of the sum: with 127 the exponent of the
  // scale.
  constexpr float kRound = 12582912.0f + 127.0f;
  // (2^r - 1) / r on [-0.5, 0.5], relative error 1.2e-8.
  constexpr float kFraction[] = {0.69314718f, 0.24022649f, 0.055503551f, 0.0096182423f, 0.0013391884f, 0.00015403504f};
  const float shifted = kRound - z * kLog2E;
  const float r = -z * kLog2E - (shifted - kRound);
  return {float_of(bits_of(shifted) << 23), r * polynomial(kFraction, r)};
}

// e^-z
PEA_INLINE float exp_neg(float z) {
  const Exponential e = exp_parts(z);
  return e.scale * e.fraction + e.scale;
}
PEA_INLINE double exp_neg(double z) { return std::exp(-z); }

// e^-z - 1
PEA_INLINE float expm1_neg(float z) {
  const Exponential e = exp_parts(z);
  return e.scale * e.fraction + (e.scale - 1.0f);
}
PEA_INLINE double expm1_neg(double z) { return std::expm1(-z); }

// Φ(-a), the tail of the standard normal distribution, for 0 <= a <= 5.66, with an absolute error of 2.2e-7 (a Φ(-a)
// then has 1.1e-7). The fourth root is smooth enough for a polynomial: no exponential, no division.
PEA_INLINE float normal_tail(float a) {
  constexpr float kRoot[] = {0.840896428f,   -0.16773428f,    -0.0501932278f,  0.00462598819f,
                             0.00385275553f, -0.000109057881f, -0.00025238184f, 3.41824307e-05f,
                             2.78740163e-06f, -8.43264445e-07f, 4.72563393e-08f};
  const float root = polynomial(kRoot, a);
  const float square = root * root;
  return square * square;
}
PEA_INLINE double normal_tail(double a) { return 0.5 * std::erfc(a * 0.70710678118654752440); }

// Φ(-a) - a φ(a), the derivative of a Φ(-a), of a and Φ(-a); in the same range and with the same error.
PEA_INLINE float normal_tail_moment_slope(float a, float tail) {
  // 1 - a φ(a) / Φ(-a)
  constexpr float kRatio[] = {1.0f,          -0.797890246f,   -0.636539817f,   -0.10937582f,    0.0199214593f,
                              -0.000720418466f, -0.000708163774f, 0.000200966431f, -2.401042e-05f, 1.1195076e-06f};
  return tail * polynomial(kRatio, a);
}
PEA_INLINE double normal_tail_moment_slope(double a, double tail) {
  return tail - a * std::exp(-0.5 * a * a) * 0.39894228040143267794;
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
