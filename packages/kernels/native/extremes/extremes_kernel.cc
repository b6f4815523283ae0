#include "extremes/extremes_kernel.h"

#include <limits>

#include "simd/vectors.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

using Floats = Vector<float>;
constexpr int kLanes = kLanesOf<float>;
// Vectors that go their way side by side: one alone would wait for its last comparison.
constexpr int kChains = 4;

// Of the numbers of each lane. NaN is neither less nor greater, and so looked for by itself.
struct LaneExtremes {
  Floats least = Floats{} + kInfinity, greatest = Floats{} - kInfinity;
  decltype(least != least) has_nan = {};

  PEA_INLINE void add(const Floats& x) {
    least = x < least ? x : least;
    greatest = x > greatest ? x : greatest;
    has_nan |= x != x;
  }
};

Extremes over_lanes(const LaneExtremes (&chains)[kChains]) {
  Extremes extremes{kInfinity, -kInfinity};
  for (const LaneExtremes& of : chains) {
    for (int lane = 0; lane < kLanes; ++lane) {
      if (of.has_nan[lane] != 0) return {kNan, kNan};
      if (of.least[lane] < extremes.least) extremes.least = of.least[lane];
      if (of.greatest[lane] > extremes.greatest) extremes.greatest = of.greatest[lane];
    }
  }
  return extremes;
}

template <bool kClamps>
Extremes clamp_range(float* x, int64_t count, float low, float high) {
  const Floats lowest = Floats{} + low, highest = Floats{} + high;
  const auto clamped = [&](const Floats& v) {
    const Floats raised = v < lowest ? lowest : v;
    return raised > highest ? highest : raised;
  };
  LaneExtremes chains[kChains];
  int64_t i = 0;
  for (; i + kChains * kLanes <= count; i += kChains * kLanes) {
#pragma GCC unroll 4
    for (int chain = 0; chain < kChains; ++chain) {
      float* const at = x + i + chain * kLanes;
      Floats v = load<Floats>(at);
      if constexpr (kClamps) store(v = clamped(v), at);
      chains[chain].add(v);
    }
  }
  for (; i < count; i += kLanes) {
    const int64_t rest = count - i < kLanes ? count - i : kLanes;
    Floats v = Floats{} + x[i];  // where the numbers end, the first of the rest stands for others
    std::memcpy(&v, x + i, rest * sizeof(float));
    if constexpr (kClamps) v = clamped(v);
    if constexpr (kClamps) std::memcpy(x + i, &v, rest * sizeof(float));
    chains[0].add(v);
  }
  return over_lanes(chains);
}

Extremes clamp(float* x, int64_t count, float low, float high) {
  const bool clamps = low != -kInfinity || high != kInfinity;
  return clamps ? clamp_range<true>(x, count, low, high) : clamp_range<false>(x, count, low, high);
}

}  // namespace

const ExtremesKernels extremes_kernels = {clamp};

}  // namespace PEA_CAPABILITY
}  // namespace pea
