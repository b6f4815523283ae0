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

// The same of an x that is known to be flat, or not.
template <typename F>
PEA_INLINE F rectified(F x, bool is_flat) {
  return is_flat ? F(0) : x;
}
#if defined(__AVX512F__)
template <typename Mask>
PEA_INLINE Vector<float> rectified(const Vector<float>& x, const Mask&) {
  return at_least_0(x);
}
#endif

// The smooth activation is act(β x) / β. ReLU is its own such form, so that the gap is gap(β x) / β with the growth of
// gap at β x.
//
// Each ensemble has f from ReLU and the gap at β x, and f' from the growth of the gap and whether x lies on ReLU's flat
// side.
struct Weighted {
  double beta, smooth_share;

  explicit Weighted(const EnsembleOptions& options, uint32_t /*limit*/ = 0)
      : beta(options.beta), smooth_share(1 - options.alpha) {}

  template <typename Counter>
  PEA_INLINE bool draws_relu(Counter, MaskKey) const {
    return false;
  }

  template <typename V>
  PEA_INLINE V value(V relu, V gap, bool) const {
    return relu - static_cast<Lane<V>>(smooth_share / beta) * gap;
  }

  template <typename V, typename Mask>
  PEA_INLINE V slope(Mask is_flat, V growth, bool) const {
    const V part = static_cast<Lane<V>>(smooth_share) * growth;
    return is_flat ? part : 1 - part;
  }
};

struct Stochastic {
  double beta;
  uint32_t limit;

  explicit Stochastic(const EnsembleOptions& options) : Stochastic(options, mask_limit(options.alpha)) {}
  Stochastic(const EnsembleOptions& options, uint32_t known_limit) : beta(options.beta), limit(known_limit) {}

  template <typename Counter>
  PEA_INLINE auto draws_relu(Counter counter, MaskKey key) const {
    return mask_draw(counter, key) <= limit;
  }

  template <typename V, typename Mask>
  PEA_INLINE V value(V relu, V gap, Mask draws_relu) const {
    const V smooth = relu - static_cast<Lane<V>>(1 / beta) * gap;
    return draws_relu ? relu : smooth;
  }

  template <typename V, typename Mask>
  PEA_INLINE V slope(Mask is_flat, V growth, Mask draws_relu) const {
    // As the weighted ensemble rounds it.
    const V part = (draws_relu ? Lane<V>(0) : Lane<V>(1)) * growth;
    return is_flat ? part : 1 - part;
  }
};

// ReLU's values with the weighted ensemble's slope.
struct Surrogate : Weighted {
  using Weighted::Weighted;

  template <typename V>
  PEA_INLINE V value(V relu, V, bool) const {
    return relu;
  }
};

// f(x) and f'(x)
template <typename V>
struct Mixed {
  V value, slope;
};

// Compilers leave out the one that is not asked for, and compute once what both are made of. V: a number, or a vector
// of some.
template <typename Activation, typename Ensemble, typename V, typename Counter>
PEA_INLINE Mixed<V> mix(const Ensemble& ensemble, V x, Counter counter, MaskKey key) {
  const auto is_flat = x <= 0;
  const Gap<V> gap = Activation::gap(static_cast<Lane<V>>(ensemble.beta) * x, is_flat);
  const auto draws_relu = ensemble.draws_relu(counter, key);
  return {ensemble.value(rectified(x, is_flat), gap.value, draws_relu), ensemble.slope(is_flat, gap.growth, draws_relu)};
}

// At alpha = 0 no mask is drawn.
inline bool draws(const EnsembleOptions& options) { return options.mode == Mode::kStochastic && options.alpha > 0; }

// Calls body(activation) with the type that is named.
template <typename Body>
void with_smooth(Smooth smooth, const Body& body) {
#define PEA_CASE(word, Activation) \
  case Smooth::k##Activation: return body(Activation());
  switch (smooth) { PEA_SMOOTH_ACTIVATIONS(PEA_CASE) }
#undef PEA_CASE
}

// Calls body(activation, ensemble) with the types that the options name.
template <typename Body>
void with_ensemble(const EnsembleOptions& options, const Body& body) {
  with_smooth(options.smooth, [&](auto activation) {
    if (options.mode == Mode::kSurrogate) body(activation, Surrogate(options));
    else if (draws(options)) body(activation, Stochastic(options));
    else body(activation, Weighted(options));
  });
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
