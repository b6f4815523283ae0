// ReLU, and the two ensembles of ReLU and a smooth activation (see activations.h for the gap between them).
// Compiled once per CPU capability.
#pragma once

#include <cstdint>

#include "elementary.h"
#include "ensemble_options.h"
#include "mask_generator.h"

namespace pea {
namespace PEA_CAPABILITY {

template <typename F>
PEA_INLINE F relu(F x) {
  return x < 0 ? F(0) : x;  // NaN stays NaN
}

template <typename F>
PEA_INLINE F relu_slope(F x) {
  return x <= 0 ? F(0) : F(1);  // libtorch's rule: 0 at 0, the gradient passes at NaN
}

// f from ReLU and gap, or f' from their slopes.
struct Weighted {
  double smooth_share;

  explicit Weighted(const EnsembleOptions& options) : smooth_share(1 - options.alpha) {}

  template <typename F>
  PEA_INLINE F mix(F relu_part, F gap, uint32_t, MaskKey) const {
    return relu_part - static_cast<F>(smooth_share) * gap;
  }
};

struct Stochastic {
  uint32_t limit;

  explicit Stochastic(const EnsembleOptions& options) : limit(mask_limit(options.alpha)) {}

  template <typename F>
  PEA_INLINE F mix(F relu_part, F gap, uint32_t index_low, MaskKey key) const {
    const F smooth_part = relu_part - gap;
    return mask_draw(index_low, key) <= limit ? relu_part : smooth_part;
  }
};

}  // namespace PEA_CAPABILITY
}  // namespace pea
