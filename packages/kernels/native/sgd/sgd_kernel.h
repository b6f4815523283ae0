// The loop of pea::sgd_step_ over memory; free of libtorch for the reason in ensemble_kernel.h.
#pragma once

#include <cstdint>

#include "simd/cpu_capability.h"
#include "simd/element_type.h"

namespace pea {

struct SgdSettings {
  double lr, momentum, weight_decay;
  bool nesterov;
};

struct SgdKernels {
  // Elements [begin, end) of dense memory, of float32 or float64; `velocity` is null where momentum is 0.
  //
  //   g = grad + weight_decay · p,  v = momentum · v + g,  p = p - lr · (nesterov ? g + momentum · v : v)
  void (*step)(ElementType type, void* parameter, const void* grad, void* velocity, int64_t begin, int64_t end,
               const SgdSettings& settings);
};

PEA_KERNELS(SgdKernels, sgd_kernels)

}  // namespace pea
