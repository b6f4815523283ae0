// The loop of pea::standardize over memory; free of libtorch for the reason in ensemble_kernel.h.
#pragma once

#include <cstdint>

#include "simd/cpu_capability.h"

namespace pea {

// What is done to each channel of a pixel, as patterns that go over several pixels: a loop over a pattern is long
// enough for vectors whatever the number of channels.
struct StandardizePattern {
  const float* offset;
  const float* scale;
  int64_t length;
};

struct StandardizeKernels {
  // out = (bytes - offset) / scale, elements [0, count) from the first channel of a pixel on.
  void (*standardize)(const uint8_t* bytes, float* out, int64_t count, const StandardizePattern& pattern);
};

PEA_KERNELS(StandardizeKernels, standardize_kernels)

}  // namespace pea
