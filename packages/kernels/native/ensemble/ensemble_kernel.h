// The loops over memory. Free of libtorch, because their source is compiled once per CPU capability: code from shared
// headers, compiled for AVX-512, must never be the copy that the linker keeps for a CPU without it.
#pragma once

#include <cstdint>

#include "ensemble/ensemble_options.h"
#include "simd/cpu_capability.h"
#include "simd/element_type.h"

namespace pea {

// Elements [begin, end) of dense memory, counted from the tensor's first element; the ranges of one tensor may be
// given to several threads. 0 <= alpha < 1. y may not overlap the inputs. Streamed, y bypasses the caches; it and
// begin · its element's size must then be multiples of 64 bytes.
struct EnsembleKernels {
  // y = f(x)
  void (*forward)(ElementType type, const void* x, void* y, int64_t begin, int64_t end, const EnsembleOptions& options,
                  bool streamed);
  // y = grad · f'(x)
  void (*backward)(ElementType type, const void* grad, const void* x, void* y, int64_t begin, int64_t end,
                   const EnsembleOptions& options, bool streamed);
};

PEA_KERNELS(EnsembleKernels, ensemble_kernels)

}  // namespace pea
