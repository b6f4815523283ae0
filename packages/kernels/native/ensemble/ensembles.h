// ReLU, and the two ensembles of ReLU and a smooth activation (see activations.h for the gap between them), over arrays.
// Compiled once per CPU capability.
#pragma once

#include <cstdint>

#include "ensemble/activations.h"
#include "ensemble/ensemble_options.h"
#include "ensemble/mask_generator.h"

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
  explicit Stochastic(uint32_t known_limit) : limit(known_limit) {}

  template <typename F>
  PEA_INLINE F mix(F relu_part, F gap, uint32_t counter, MaskKey key) const {
    const F smooth_part = relu_part - gap;
    return mask_draw(counter, key) <= limit ? relu_part : smooth_part;
  }
};

// y = f(x)
template <typename Activation, typename Ensemble, typename F>
PEA_INLINE void forward_loop(const F* __restrict x, F* __restrict y, uint32_t count, uint32_t index_low, MaskKey key,
                             const Ensemble& ensemble) {
  uint32_t counter = mask_counter(index_low, key);
#pragma omp simd linear(counter : kMaskIncrement)
  for (uint32_t i = 0; i < count; ++i) {
    y[i] = ensemble.mix(relu(x[i]), Activation::gap(x[i]), counter, key);
    counter += kMaskIncrement;
  }
}

// y = grad · f'(x)
template <typename Activation, typename Ensemble, typename F>
PEA_INLINE void backward_loop(const F* __restrict grad, const F* __restrict x, F* __restrict y, uint32_t count,
                              uint32_t index_low, MaskKey key, const Ensemble& ensemble) {
  uint32_t counter = mask_counter(index_low, key);
#pragma omp simd linear(counter : kMaskIncrement)
  for (uint32_t i = 0; i < count; ++i) {
    y[i] = grad[i] * ensemble.mix(relu_slope(x[i]), Activation::gap_slope(x[i]), counter, key);
    counter += kMaskIncrement;
  }
}

// Calls body(activation, ensemble) with the types that the options name.
template <typename Body>
void with_ensemble(const EnsembleOptions& options, const Body& body) {
  const auto with_activation = [&](auto activation) {
    // At alpha = 0 no mask is drawn.
    if (options.mode == Mode::kWeighted || options.alpha == 0) {
      body(activation, Weighted(options));
    } else {
      body(activation, Stochastic(options));
    }
  };
#define PEA_CASE(word, Activation) \
  case Smooth::k##Activation: return with_activation(Activation());
  switch (options.smooth) { PEA_SMOOTH_ACTIVATIONS(PEA_CASE) }
#undef PEA_CASE
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
