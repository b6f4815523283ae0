// The smooth activations, each written as its gap to ReLU:  act(x) = ReLU(x) - gap(x).
//
// Then both ensembles have one form. Weighted: α ReLU + (1 - α) act = ReLU - (1 - α) gap. Stochastic: ReLU - gap where
// the smooth branch is drawn, ReLU elsewhere. The gap vanishes far from 0 (ELU's tends to 1 for x → -∞, B-SiLU's to ∓0.835 for x → ±∞), so that |x|
// can be bounded before any exponential: ±∞ need no case of their own. NaN stays NaN, by ReLU's part at least. Exponents
// lose nothing in the tails.
//
// GELU(x) = x Φ(x), Swish(x) = x σ(x), Mish(x) = x tanh(ln(1 + e^x)), ELU(x) = x for x > 0, e^x - 1 else;
// Hardswish(x) = x min(max(x + 3, 0), 6) / 6, and GELU by tanh is x σ(2u) with u = √(2/π) (x + 0.044715 x³);
// B-SiLU(x) = (x + 1.67) σ(x) - 0.835.
#pragma once

#include "simd/elementary.h"

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

// With n = e^x and w = n² + 2n, tanh(ln(1 + n)) = w / (w + 2).
struct Mish {
  // Where w overflows, the gap is 0.
  template <typename F>
  static PEA_INLINE F gap(F x) {
    const F a = bound(magnitude(x), kMaxExponent<F>);
    const F n = exp_neg(-with_sign(a, x));
    const F w = n * (n + 2);
    return a * (x < 0 ? w : F(2)) / (w + 2);
  }

  // With D = w + 2 for x <= 0 and e = 1 / n, D = (w + 2) e² for x > 0, where w would overflow:
  // x > 0:  e² (2 D - 4 a (e + 1)) / D²;   x <= 0:  -n ((n + 2) D - 4 a (n + 1)) / D²
  template <typename F>
  static PEA_INLINE F gap_slope(F x) {
    const F a = bounded_magnitude(x);
    const F e = exp_neg(a);
    const F d = e * (e + 2 + (x > 0 ? e : F(0))) + (x > 0 ? F(1) : F(2));
    const F factor = x > 0 ? e * e : -e;
    const F weight = x > 0 ? F(2) : e + 2;
    return factor * (weight * d - 4 * a * (e + 1)) / (d * d);
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

// Both halves are parabolas, which end at -3 and 3.
struct Hardswish {
  template <typename F>
  static PEA_INLINE F gap(F x) {
    const F a = magnitude(x);
    return a >= 3 ? F(0) : a * (3 - a) / 6;
  }

  template <typename F>
  static PEA_INLINE F gap_slope(F x) {
    const F a = magnitude(x);
    return negate_if(!(x > 0), a >= 3 ? F(0) : (3 - 2 * a) / 6);
  }
};

// With z = 2u at |x|, the gap is |x| σ(-z).
struct GeluTanh {
  // z = factor a (1 + cubic a²); the factor is 2 √(2/π).
  template <typename F>
  static constexpr F kFactor = F(1.5957691216057307118);
  template <typename F>
  static constexpr F kCubic = F(0.044715);
  // From here on e^-z is exactly 0.
  template <typename F>
  static constexpr F kReach = choose<F>(10.1f, 22.0);

  template <typename F>
  static PEA_INLINE F gap(F x) {
    const F a = bounded(x);
    const F e = exp_neg(exponent(a));
    return a * e / (1 + e);
  }

  template <typename F>
  static PEA_INLINE F gap_slope(F x) {
    const F a = bounded(x);
    const F e = exp_neg(exponent(a));
    const F tail = e / (1 + e);  // σ(-z)
    const F rate = kFactor<F> * (1 + 3 * kCubic<F> * a * a);
    return negate_if(!(x > 0), tail - a * rate * tail * (1 - tail));
  }

 private:
  template <typename F>
  static PEA_INLINE F bounded(F x) {
    const F a = magnitude(x);
    return a > kReach<F> ? kReach<F> : a;
  }

  template <typename F>
  static PEA_INLINE F exponent(F a) {
    const F z = kFactor<F> * a * (1 + kCubic<F> * a * a);
    return z > kMaxExponent<F> ? kMaxExponent<F> : z;
  }
};

// Swish, moved to the left and down again (Horuz et al. 2025, arXiv 2505.22074).
struct BSilu {
  template <typename F>
  static constexpr F kMove = F(1.67);

  template <typename F>
  static PEA_INLINE F gap(F x) {
    const F a = bounded_magnitude(x);
    const F e = exp_neg(a);
    const F tail = e / (1 + e);  // σ(-a)
    return a * tail + negate_if(!(x > 0), kMove<F> * (tail - F(0.5)));
  }

  template <typename F>
  static PEA_INLINE F gap_slope(F x) {
    const F a = bounded_magnitude(x);
    const F e = exp_neg(a);
    const F tail = e / (1 + e);
    const F tail_slope = tail * (1 - tail);
    return negate_if(!(x > 0), tail - a * tail_slope) - kMove<F> * tail_slope;
  }
};

}  // namespace PEA_CAPABILITY
}  // namespace pea
