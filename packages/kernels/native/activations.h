// The smooth activations, each written as its gap to ReLU:  act(x) = ReLU(x) - gap(x).
//
// Then both ensembles have one form. Weighted: α ReLU + (1 - α) act = ReLU - (1 - α) gap. Stochastic: ReLU - gap where
// the smooth branch is drawn, ReLU elsewhere. The gap vanishes far from 0 (ELU's tends to 1 for x → -∞), so that |x|
// can be bounded before any exponential: nothing overflows, ±∞ need no case of their own, and NaN stays NaN. Exponents
// are never positive, which keeps relative accuracy in the tails.
//
// GELU(x) = x Φ(x), Swish(x) = x σ(x), Mish(x) = x tanh(ln(1 + e^x)), ELU(x) = x for x > 0, e^x - 1 else.
#pragma once

#include "elementary.h"

namespace pea {
namespace PEA_CAPABILITY {

template <typename F>
constexpr F choose(float for_float, double for_double) {
  return sizeof(F) == sizeof(float) ? static_cast<F>(for_float) : static_cast<F>(for_double);
}

// From this exponent on e^-z is exactly 0 (in float64; in float32 a little below, see exp_parts).
template <typename F>
constexpr F kMaxExponent = choose<F>(88.0f, 750.0);

// |x|, but at most kMaxExponent; NaN stays NaN.
template <typename F>
PEA_INLINE F bounded_magnitude(F x) {
  const F a = magnitude(x);
  return a > kMaxExponent<F> ? kMaxExponent<F> : a;
}

struct Gelu {
  // Beyond it the gap is less than 5e-8 (float32) or 0 (float64).
  template <typename F>
  static constexpr F kReach = choose<F>(5.66f, 38.5);

  template <typename F>
  static PEA_INLINE F gap(F x) {
    const F a = magnitude(x);
    const F g = a * normal_tail(a);
    return a > kReach<F> ? F(0) : g;
  }

  template <typename F>
  static PEA_INLINE F gap_slope(F x) {
    const F a = magnitude(x);
    const F slope = normal_tail_moment_slope(a);
    return negate_if(!(x > 0), a > kReach<F> ? F(0) : slope);
  }
};

struct Swish {
  template <typename F>
  static PEA_INLINE F gap(F x) {
    const F a = bounded_magnitude(x);
    const F e = exp_neg(a);
    return a * e / (1 + e);
  }

  template <typename F>
  static PEA_INLINE F gap_slope(F x) {
    const F a = bounded_magnitude(x);
    const F e = exp_neg(a);
    const F tail = e / (1 + e);  // σ(-a)
    const F slope = tail - a * tail * (1 - tail);
    return negate_if(!(x > 0), slope);
  }
};

// With n = e^x, tanh(ln(1 + n)) = (n² + 2n) / D, D = n² + 2n + 2. For x > 0 both are divided by n², with e = 1 / n:
//   gap = a 2e² / D, D = 2e² + 2e + 1 (x > 0);   gap = a (e² + 2e) / D, D = e² + 2e + 2 (x <= 0).
struct Mish {
  template <typename F>
  static PEA_INLINE F gap(F x) {
    const F a = bounded_magnitude(x);
    const F e = exp_neg(a);
    return a * e * (e + (x > 0 ? e : F(2))) / denominator(x, e);
  }

  // x > 0:  e² (2 D - 4 a (e + 1)) / D²;   x <= 0:  -e ((e + 2) D - 4 a (e + 1)) / D²
  template <typename F>
  static PEA_INLINE F gap_slope(F x) {
    const F a = bounded_magnitude(x);
    const F e = exp_neg(a);
    const F d = denominator(x, e);
    const F factor = x > 0 ? e * e : -e;
    const F weight = x > 0 ? F(2) : e + 2;
    return factor * (weight * d - 4 * a * (e + 1)) / (d * d);
  }

 private:
  template <typename F>
  static PEA_INLINE F denominator(F x, F e) {
    return e * (e + 2 + (x > 0 ? e : F(0))) + (x > 0 ? F(1) : F(2));
  }
};

struct Elu {
  template <typename F>
  static PEA_INLINE F gap(F x) {
    const F g = -expm1_neg(bounded_magnitude(x));
    return x > 0 ? F(0) : g;
  }

  template <typename F>
  static PEA_INLINE F gap_slope(F x) {
    const F slope = -exp_neg(bounded_magnitude(x));
    return x > 0 ? F(0) : slope;
  }
};

}  // namespace PEA_CAPABILITY
}  // namespace pea
