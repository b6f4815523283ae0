// The loop of pea::clamp_extremes_ over memory; free of libtorch for the reason in ensemble_kernel.h.
#pragma once

#include <cstdint>

#include "simd/cpu_capability.h"

namespace pea {

// Both are NaN where a number is.
struct Extremes {
  float least, greatest;
};

struct ExtremesKernels {
  // x = min(max(x, low), high), in which NaN stays NaN, and the extremes of that: ∞ and -∞ of no elements. Without bounds, -∞
  // and ∞, nothing is written.
  Extremes (*clamp)(float* x, int64_t count, float low, float high);
};

PEA_KERNELS(ExtremesKernels, extremes_kernels)

}  // namespace pea
