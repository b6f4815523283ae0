// ReLU, and the ensembles of ReLU and a smooth activation (see activations.h for the gap between them), over arrays.
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

// The smooth activation is act(β x) / β. ReLU is its own such form, so that the gap is gap(β x) / β with the slope gap'(β x).
//
// Each ensemble has f from ReLU and gap(β x), and f' from their slopes.
struct Weighted {
  double beta, smooth_share;

  explicit Weighted(const EnsembleOptions& options) : beta(options.beta), smooth_share(1 - options.alpha) {}

  template <typename F>
  PEA_INLINE F value(F relu, F gap, uint32_t, MaskKey) const {
    return relu - static_cast<F>(smooth_share / beta) * gap;
  }

  template <typename F>
  PEA_INLINE F slope(F relu_slope, F gap_slope, uint32_t, MaskKey) const {
    return relu_slope - static_cast<F>(smooth_share) * gap_slope;
  }
};

struct Stochastic {
  double beta;
  uint32_t limit;

  explicit Stochastic(const EnsembleOptions& options) : Stochastic(options, mask_limit(options.alpha)) {}
  Stochastic(const EnsembleOptions& options, uint32_t known_limit) : beta(options.beta), limit(known_limit) {}

  template <typename F>
  PEA_INLINE F value(F relu, F gap, uint32_t counter, MaskKey key) const {
    return slope(relu, static_cast<F>(1 / beta) * gap, counter, key);
  }

  template <typename F>
  PEA_INLINE F slope(F relu_slope, F gap_slope, uint32_t counter, MaskKey key) const {
    const F smooth_slope = relu_slope - gap_slope;
    return mask_draw(counter, key) <= limit ? relu_slope : smooth_slope;
  }
};

// ReLU's values with the weighted ensemble's slope.
struct Surrogate : Weighted {
  using Weighted::Weighted;

  template <typename F>
  PEA_INLINE F value(F relu, F, uint32_t, MaskKey) const {
    return relu;
  }
};

// y = f(x)
template <typename Activation, typename Ensemble, typename F>
PEA_INLINE void forward_loop(const F* __restrict x, F* __restrict y, uint32_t count, uint32_t index_low, MaskKey key,
                             const Ensemble& ensemble) {
  uint32_t counter = mask_counter(index_low, key);
  const F beta = static_cast<F>(ensemble.beta);
#pragma omp simd linear(counter : kMaskIncrement)
  for (uint32_t i = 0; i < count; ++i) {
    y[i] = ensemble.value(relu(x[i]), Activation::gap(beta * x[i]), counter, key);
    counter += kMaskIncrement;
  }
}

// y = grad · f'(x)
template <typename Activation, typename Ensemble, typename F>
PEA_INLINE void backward_loop(const F* __restrict grad, const F* __restrict x, F* __restrict y, uint32_t count,
                              uint32_t index_low, MaskKey key, const Ensemble& ensemble) {
  uint32_t counter = mask_counter(index_low, key);
  const F beta = static_cast<F>(ensemble.beta);
#pragma omp simd linear(counter : kMaskIncrement)
  for (uint32_t i = 0; i < count; ++i) {
    y[i] = grad[i] * ensemble.slope(relu_slope(x[i]), Activation::gap_slope(beta * x[i]), counter, key);
    counter += kMaskIncrement;
  }
}

// Calls body(activation, ensemble) with the types that the options name.
template <typename Body>
void with_ensemble(const EnsembleOptions& options, const Body& body) {
  const auto with_activation = [&](auto activation) {
    // At alpha = 0 no mask is drawn.
    const bool draws = options.mode == Mode::kStochastic && options.alpha > 0;
    if (options.mode == Mode::kSurrogate) body(activation, Surrogate(options));
    else if (draws) body(activation, Stochastic(options));
    else body(activation, Weighted(options));
  };
#define PEA_CASE(word, Activation) \
  case Smooth::k##Activation: return with_activation(Activation());
  switch (options.smooth) { PEA_SMOOTH_ACTIVATIONS(PEA_CASE) }
#undef PEA_CASE
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
