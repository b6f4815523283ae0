// The smooth activations, each written as its gap to ReLU:  act(x) = ReLU(x) - gap(x).
//
// Then both ensembles have one form. Weighted: α ReLU + (1 - α) act = ReLU - (1 - α) gap. Stochastic: ReLU - gap where
// the smooth branch is drawn, ReLU elsewhere. The gap vanishes far from 0 (ELU's tends to 1 for x → -∞, B-SiLU's to
// ∓0.835 for x → ±∞), so that |x| can be bounded before any exponential: ±∞ need no case of their own. NaN stays NaN,
// by ReLU's part at least. Exponents lose nothing in the tails.
//
// GELU(x) = x Φ(x), Swish(x) = x σ(x), Mish(x) = x tanh(ln(1 + e^x)), ELU(x) = x for x > 0, e^x - 1 else;
// Hardswish(x) = x min(max(x + 3, 0), 6) / 6, and GELU by tanh is x σ(2u) with u = √(2/π) (x + 0.044715 x³);
// B-SiLU(x) = (x + 1.67) σ(x) - 0.835.
#pragma once

#include <type_traits>

#include "ensemble/gelu_table.h"
#include "simd/bfloat16.h"
#include "simd/elementary.h"

namespace pea {
namespace PEA_CAPABILITY {

// What lacks to ReLU at x, and how fast it grows with |x|: act'(x) is 1 - growth above 0 and growth below. Both come of
// the same exponential; who needs one of them alone has compilers leave out the other.
template <typename F>
struct Gap {
  F value, growth;
};

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

// Each takes x and whether it lies on ReLU's flat side, x <= 0.

struct Gelu {
  // Beyond it the gap is less than 5e-8 (float32) or 0 (float64).
  template <typename F>
  static constexpr F kReach = choose<F>(5.66f, 38.5);

  template <typename F>
  static PEA_INLINE Gap<F> gap(F x, bool) {
    const F a = magnitude(x);
    const F tail = normal_tail(a);
    const F value = a * tail, growth = normal_tail_moment_slope(a, tail);
    return {a > kReach<F> ? F(0) : value, a > kReach<F> ? F(0) : growth};
  }

#if defined(__AVX512F__)
  // Of each lane. Value and growth are exact at 0.
  template <typename Mask>
  static PEA_INLINE Gap<Vector<float>> gap(Vector<float> x, Mask) {
    const GeluGap of = gelu_gap(magnitude(x));
    return {of.value, of.slope};
  }
#endif
};

// GELU for results that are rounded to bfloat16: relative errors of the tail of 4.4e-4, a fifth of that rounding, and absolute
// ones of the slope of 2.4e-4, of polynomials in |x| that are half as long.
struct BriefGelu {
  static PEA_INLINE Gap<float> gap(float x, bool) {
    constexpr float kRoot[] = {0.8409870863f,   -0.1695984751f,    -0.04364516214f,   -0.004470894579f,
                               0.01024696417f, -0.002587789204f, 0.0002665485663f, -1.026811333e-05f};
    constexpr float kRatio[] = {1.0f, -0.7963882685f, -0.6453620195f, -0.09468326718f, 0.01148768328f};
    constexpr float kReach = Gelu::kReach<float>;
    const float unbounded = magnitude(x), a = unbounded > kReach ? kReach : unbounded;
    const float root = polynomial(kRoot, a), square = root * root;
    const float tail = unbounded > kReach ? 0.0f : square * square;
    return {a * tail, tail * polynomial(kRatio, a)};
  }
};

struct Swish {
  template <typename F>
  static PEA_INLINE Gap<F> gap(F x, bool) {
    const F a = bounded_magnitude(x);
    const F e = exp_neg(a);
    const F tail = e / (1 + e);  // σ(-a)
    return {a * tail, tail - a * (tail - tail * tail)};
  }
};

// With e = e^-|x|:  x > 0:  gap = a p / d, p = 2 e², d = p + 2 e + 1;  x <= 0:  p = e² + 2 e, d = p + 2.
// Their growth is p / d - 4 a e (e + 1) / d², times e for x > 0.
struct Mish {
  template <typename F>
  static PEA_INLINE Gap<F> gap(F x, bool is_flat) {
    const F a = bounded_magnitude(x);
    const F e = exp_neg(a);
    const F square = e * e, other = e * (e + 2);
    const F p = is_flat ? other : square + square;
    const F r = 1 / (other + (is_flat ? F(2) : square + 1));
    const F tail = p * r;
    return {a * tail, tail - a * (4 * r) * (r * ((is_flat ? e : square) * (e + 1)))};
  }
};

struct Elu {
  template <typename F>
  static PEA_INLINE Gap<F> gap(F x, bool is_flat) {
    const F a = bounded_magnitude(x);
    const F value = -expm1_neg(a), growth = exp_neg(a);
    return {is_flat ? value : F(0), is_flat ? growth : F(0)};
  }
};

// Both halves are parabolas, which end at -3 and 3.
struct Hardswish {
  template <typename F>
  static PEA_INLINE Gap<F> gap(F x, bool) {
    const F a = magnitude(x);
    const F value = a * (3 - a) / 6, growth = (3 - 2 * a) / 6;
    return {a >= 3 ? F(0) : value, a >= 3 ? F(0) : growth};
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
  static PEA_INLINE Gap<F> gap(F x, bool) {
    const F magnitude_of_x = magnitude(x);
    const F a = magnitude_of_x > kReach<F> ? kReach<F> : magnitude_of_x;
    const F e = exp_neg(exponent(a));
    const F tail = e / (1 + e);  // σ(-z)
    const F rate = kFactor<F> * (1 + 3 * kCubic<F> * a * a);
    return {a * tail, tail - a * rate * (tail - tail * tail)};
  }

 private:
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
  static PEA_INLINE Gap<F> gap(F x, bool is_flat) {
    const F a = bounded_magnitude(x);
    const F e = exp_neg(a);
    const F tail = e / (1 + e);
    const F tail_slope = tail - tail * tail;
    const F move = negate_if(is_flat, kMove<F>);
    return {a * tail + move * (tail - F(0.5)), tail - (a + move) * tail_slope};
  }
};

// The activation as exactly as results of T can tell.
template <typename Activation, typename T>
using ForResults =
    std::conditional_t<std::is_same_v<Activation, Gelu> && std::is_same_v<T, BFloat16>, BriefGelu, Activation>;

// Whether loops take the activation by vectors that they name themselves (lanes.h), as a table in registers needs it.
template <typename Activation, typename F>
constexpr bool kTakesVectors =
#if defined(__AVX512F__)
    std::is_same_v<Activation, Gelu> && std::is_same_v<F, float>;
#else
    false;
#endif

}  // namespace PEA_CAPABILITY
}  // namespace pea
