// What GELU lacks to ReLU, a Φ(-a) of a = |x|, by a polynomial for each piece of a. Registers hold the coefficients, so that
// looking one up is an operation like any other, and value and slope together take seven tenths of what a polynomial for
// all a each takes. Compiled once per CPU capability, as simd/elementary.h.
#pragma once

#include "simd/vectors.h"

namespace pea {
namespace PEA_CAPABILITY {

#if defined(__AVX512F__)
// kGeluGap[k][s] is the factor of t^k, t = a - s / 2, for a from s / 2 - 1/4 to s / 2 + 1/4. They make the largest of the
// errors of a Φ(-a), 1e-8, and half those of its derivative, 1.8e-7, as small as can be. Both are exact at 0, and 0 from
// 5.75 on, where less than 2.6e-8 and 1.6e-7 is left.
constexpr int kGeluPowers = 7;
alignas(64) constexpr float kGeluGap[kGeluPowers][16] = {
    {0, 0.154268771f, 0.158655256f, 0.100210801f, 0.0455002636f, 0.0155241629f, 0.00404969417f, 0.000814201834f,
     0.000126684972f, 1.52895263e-05f, 1.43325633e-06f, 1.04442215e-07f},
    {0.5f, 0.132505044f, -0.0833154023f, -0.127469271f, -0.085231863f, -0.0376110785f, -0.0119456276f,
     -0.00282175466f, -0.000503650634f, -6.85302948e-05f, -7.14731459e-06f, -5.7341731e-07f},
    {-0.398942202f, -0.308057129f, -0.120985523f, 0.016189646f, 0.0539910272f, 0.0372476727f, 0.0155114615f,
     0.00447248854f, 0.000936809753f, 0.000145852362f, 1.70977255e-05f, 1.52134135e-06f},
    {-3.28543115e-06f, 0.110004075f, 0.120979011f, 0.056671463f, 5.67873303e-06f, -0.016433455f, -0.0110814702f,
     -0.00420033326f, -0.00107054657f, -0.000194693072f, -2.59822173e-05f, -2.58475893e-06f},
    {0.0665324926f, 0.033921551f, -0.0201561339f, -0.0360868014f, -0.0180001482f, -0.000503886491f, 0.00406293897f,
     0.00248448411f, 0.000825379568f, 0.000181320123f, 2.81009507e-05f, 3.16829232e-06f},
    {-0.000239052533f, -0.0220424645f, -0.0159682296f, 0.00253860164f, 0.00885284226f, 0.00428574439f,
     4.74634362e-05f, -0.000833918457f, -0.000439653726f, -0.000125849576f, -2.36997457e-05f, -3.1342413e-06f},
    {-0.00943062175f, -0.00302317087f, 0.00590307452f, 0.00483298628f, -0.000392790389f, -0.00191801065f,
     -0.000783039897f, 4.39938958e-05f, 0.00014665765f, 6.18854901e-05f, 1.4620573e-05f, 2.28056956e-06f},
};

// A value and its derivative.
struct GeluGap {
  Vector<float> value, slope;
};

// For a >= 0, or NaN (which stays NaN).
PEA_INLINE GeluGap gelu_gap(Vector<float> a) {
  // Adding it rounds to halves, whose number then stands in the low bits of the sum.
  constexpr float kRound = 6291456.0f;  // 1.5 · 2^22
  const Vector<float> bounded = at_most(6.0f, a), shifted = bounded + kRound, t = bounded - (shifted - kRound);
  const auto segment = reinterpret_cast<Vector<int32_t>>(shifted);
  const auto factor = [&](int power) { return look_up(load<Vector<float>>(kGeluGap[power]), segment); };
  Vector<float> slope = factor(kGeluPowers - 1), value = slope * t + factor(kGeluPowers - 2);
#pragma GCC unroll 7
  for (int power = kGeluPowers - 3; power >= 0; --power) {
    slope = slope * t + value;
    value = value * t + factor(power);
  }
  return {value, slope};
}
#endif

}  // namespace PEA_CAPABILITY
}  // namespace pea
