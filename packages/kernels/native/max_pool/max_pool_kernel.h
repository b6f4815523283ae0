// The loops of pea::max_pool2d over memory; free of libtorch for the reason in ensemble_kernel.h.
//
// A map is rows of pixels, and a pixel is `depth` neighbours in memory that are pooled each for itself: all channels in
// channels_last; a single one in contiguous memory, where every channel has a map of its own.
#pragma once

#include <cstdint>

#include "simd/cpu_capability.h"
#include "simd/element_type.h"

namespace pea {

// Output o sees the inputs o · stride - padding + k · dilation for k in [0, window), as far as they lie in [0, input).
struct PoolAxis {
  int64_t input, output, window, stride, padding, dilation;
};

struct MaxPoolShape {
  PoolAxis rows, columns;  // their windows have at most 256 positions together
  int64_t depth;
};

struct MaxPoolKernels {
  // One output row: the greatest element of each window and its position there, k of the row · window of the columns
  // + k of the column. Of equal ones the first counts, of NaNs the last. positions may be null.
  void (*forward)(ElementType type, const void* x, void* y, uint8_t* positions, int64_t row,
                  const MaxPoolShape& shape);

  // One input row: each element's sum of the gradients of those windows whose greatest it is, in their order.
  void (*backward)(ElementType type, const void* grad, const uint8_t* positions, void* dx, int64_t row,
                   const MaxPoolShape& shape);
};

PEA_KERNELS(MaxPoolKernels, max_pool_kernels)

}  // namespace pea
