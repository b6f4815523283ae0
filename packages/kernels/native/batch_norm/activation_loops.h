// The loops over one segment of rows that normalize and activate. Compiled once per CPU capability, as
// simd/elementary.h.
#pragma once

#include <cstdint>
#include <type_traits>

#include "batch_norm/batch_norm_kernel.h"
#include "ensemble/ensembles.h"
#include "ensemble/general_ensemble.h"
#include "ensemble/mask_generator.h"
#include "simd/buffer.h"
#include "simd/lanes.h"

namespace pea {
namespace PEA_CAPABILITY {

// Arrays over one segment: z = (x - center) · scale + shift [+ residual]. The residual may be null.
template <typename T>
struct Preactivation {
  const T *x, *residual;
  const Arithmetic<T> *center, *scale, *shift;
};

// What each activation makes of z, and of the gradient of that.
template <typename V>
struct Activated {
  V value, gradient;
};

struct Identity {
  template <typename F>
  PEA_INLINE Activated<F> at(F z, F grad, uint32_t, MaskKey) const {
    return {z, grad};
  }
};

struct Rectifier {
  // A selection, not a product: where ReLU is flat, the gradient is 0 even if it was infinite.
  template <typename F>
  PEA_INLINE Activated<F> at(F z, F grad, uint32_t, MaskKey) const {
    return {relu(z), z <= 0 ? F(0) : grad};
  }
};

struct CutOffRectifier {
  double bound;

  CutOffRectifier(const EnsembleOptions& options, uint32_t) : bound(options.bound) {}

  template <typename F>
  PEA_INLINE Activated<F> at(F z, F grad, uint32_t, MaskKey) const {
    const F limit = static_cast<F>(bound), rectified = relu(z);
    return {rectified > limit ? limit : rectified, z <= 0 || z >= limit ? F(0) : grad};
  }
};

// Whether the loops take the activation by vectors (lanes.h).
template <typename Activation, typename F>
constexpr bool kActivatesVectors = false;

template <typename Smooth, typename Ensemble>
struct Mixture {
  Ensemble ensemble;

  Mixture(const EnsembleOptions& options, uint32_t limit) : ensemble(options, limit) {}

  template <typename V, typename Counter>
  PEA_INLINE Activated<V> at(V z, V grad, Counter counter, MaskKey key) const {
    const Mixed<V> mixed = mix<Smooth>(ensemble, z, counter, key);
    return {mixed.value, grad * mixed.slope};
  }
};

template <typename Smooth, typename Ensemble, typename F>
constexpr bool kActivatesVectors<Mixture<Smooth, Ensemble>, F> = kTakesVectors<Smooth, F>;

// The loops for one activation, chosen once per span rather than once per segment, of at most kSegment elements. They read
// elements of T and write the type of its arithmetic. Arrays may not overlap but for dz and grad.
template <typename T>
class ActivationLoops {
 public:
  using F = Arithmetic<T>;

  explicit ActivationLoops(const ActivationOptions& activation)
      : options_(activation.ensemble),
        is_general_(activation.kind == ActivationKind::kEnsemble && is_general(options_)),
        general_(options_) {
    switch (activation.kind) {
      case ActivationKind::kIdentity: choose<Identity>(); break;
      case ActivationKind::kRelu:
        if (is_cut_off(options_)) choose<CutOffRectifier>();
        else choose<Rectifier>();
        break;
      case ActivationKind::kEnsemble:
        if (is_general_) {
          choose<Identity, F>();
          break;
        }
        with_ensemble(options_, [&](auto smooth, auto ensemble) {
          choose<Mixture<ForResults<decltype(smooth), T>, decltype(ensemble)>>();
        });
        draws_ = draws(options_);
        if (!draws_) break;
        limit_ = mask_limit(options_.alpha);
        renew_key(0);
        break;
    }
  }

  // y = act(z); index is that of the first element in the tensor.
  void normalize(const Preactivation<T>& of, F* y, int64_t count, int64_t index) {
    in_pieces(count, index, [&](int64_t at, uint32_t n, uint32_t index_low) {
      (of.residual == nullptr ? normalize_ : normalize_sum_)(*this, moved(of, at), y + at, n, index_low);
      if (is_general_) general_.forward(y + at, n, index + at);
    });
  }

  // dz = grad · act'(z), sum += dz and dot += dz (x - center).
  void reduce(const T* grad, const Preactivation<T>& of, F* dz, F* sum, F* dot, int64_t count, int64_t index) {
    in_pieces(count, index, [&](int64_t at, uint32_t n, uint32_t index_low) {
      const void* const from = is_general_ ? general_gradient(grad, of, dz, at, n, index_low, index + at)
                                           : static_cast<const void*>(grad + at);
      (of.residual == nullptr ? reduce_ : reduce_sum_)(*this, from, moved(of, at), dz + at, sum + at, dot + at, nullptr,
                                                       n, index_low);
    });
  }

  // The same with y = act(z), without residual.
  void reduce_and_normalize(const T* grad, const Preactivation<T>& of, F* dz, F* sum, F* dot, F* y, int64_t count,
                            int64_t index) {
    in_pieces(count, index, [&](int64_t at, uint32_t n, uint32_t index_low) {
      const void* const from = is_general_ ? general_gradient(grad, of, dz, at, n, index_low, index + at)
                                           : static_cast<const void*>(grad + at);
      reduce_and_normalize_(*this, from, moved(of, at), dz + at, sum + at, dot + at, y + at, n, index_low);
      if (is_general_) general_.forward(y + at, n, index + at);
    });
  }

 private:
  using Normalize = void (*)(const ActivationLoops&, const Preactivation<T>&, F* y, uint32_t count, uint32_t index_low);
  using Reduce = void (*)(const ActivationLoops&, const void* grad, const Preactivation<T>&, F* dz, F* sum, F* dot, F* y,
                          uint32_t count, uint32_t index_low);

  // Gradient: the type of the elements of grad.
  template <typename Activation, typename Gradient = T>
  void choose() {
    normalize_ = normalize_loop<Activation, false>;
    normalize_sum_ = normalize_loop<Activation, true>;
    reduce_ = reduce_loop<Activation, false, false, Gradient>;
    reduce_sum_ = reduce_loop<Activation, true, false, Gradient>;
    reduce_and_normalize_ = reduce_loop<Activation, false, true, Gradient>;
  }

  template <typename Activation>
  PEA_INLINE Activation activation() const {
    if constexpr (std::is_empty_v<Activation>) return {};
    else return {options_, limit_};
  }

  template <typename Activation, bool kHasResidual>
  static void normalize_loop(const ActivationLoops& self, const Preactivation<T>& of, F* __restrict y, uint32_t count,
                             uint32_t index_low) {
    const Activation activation = self.activation<Activation>();
    const T *__restrict x = of.x, *__restrict residual = of.residual;
    const F *__restrict center = of.center, *__restrict scale = of.scale, *__restrict shift = of.shift;
    const MaskKey key = self.key_;
    for_each_lanes<kActivatesVectors<Activation, F>, kMaskIncrement>(
        count, mask_counter(index_low, key), [&](auto lanes, uint32_t i, auto counter) PEA_INLINE_BODY {
          auto z = (lanes.load(x + i) - lanes.load(center + i)) * lanes.load(scale + i) + lanes.load(shift + i);
          if (kHasResidual) z += lanes.load(residual + i);
          lanes.store(activation.at(z, decltype(z){}, counter, key).value, y + i);
        });
  }

  template <typename Activation, bool kHasResidual, bool kNormalizes, typename Gradient>
  static void reduce_loop(const ActivationLoops& self, const void* gradients, const Preactivation<T>& of, F* dz,
                          F* __restrict sum, F* __restrict dot, F* __restrict y, uint32_t count, uint32_t index_low) {
    const Activation activation = self.activation<Activation>();
    const auto* const grad = static_cast<const Gradient*>(gradients);
    const T *__restrict x = of.x, *__restrict residual = of.residual;
    const F *__restrict center = of.center, *__restrict scale = of.scale, *__restrict shift = of.shift;
    const MaskKey key = self.key_;
    for_each_lanes<kActivatesVectors<Activation, F>, kMaskIncrement>(
        count, mask_counter(index_low, key), [&](auto lanes, uint32_t i, auto counter) PEA_INLINE_BODY {
          const auto d = lanes.load(x + i) - lanes.load(center + i);
          auto z = d * lanes.load(scale + i) + lanes.load(shift + i);
          if (kHasResidual) z += lanes.load(residual + i);
          const auto activated = activation.at(z, lanes.load(grad + i), counter, key);
          const auto gradient = activated.gradient;
          if (kNormalizes) lanes.store(activated.value, y + i);
          lanes.store(gradient, dz + i);
          lanes.store(lanes.load(sum + i) + gradient, sum + i);
          lanes.store(lanes.load(dot + i) + gradient * d, dot + i);
        });
  }

  // grad · act'(z) of the elements from `at` on, in dz, from where the identity's loops take it.
  const void* general_gradient(const T* grad, const Preactivation<T>& of, F* dz, int64_t at, uint32_t count,
                               uint32_t index_low, int64_t index) const {
    alignas(64) F z[kSegment];
    Buffer<T> grad_buffer;
    (of.residual == nullptr ? normalize_ : normalize_sum_)(*this, moved(of, at), z, count, index_low);
    general_.backward(grad_buffer.read(grad + at, count), z, dz + at, count, index);
    return dz + at;
  }

  static PEA_INLINE Preactivation<T> moved(const Preactivation<T>& of, int64_t at) {
    return {of.x + at, of.residual == nullptr ? nullptr : of.residual + at, of.center + at, of.scale + at,
            of.shift + at};
  }

  // Calls body(offset, count, low half of the index) for pieces whose indices share their high half.
  template <typename Body>
  PEA_INLINE void in_pieces(int64_t count, int64_t index, const Body& body) {
    for (int64_t at = 0; at < count;) {
      const int64_t piece = smaller(count - at, (int64_t(1) << 32) - static_cast<uint32_t>(index + at));
      const auto high = static_cast<uint32_t>((index + at) >> 32);
      if (draws_ && high != high_) renew_key(high);
      body(at, static_cast<uint32_t>(piece), static_cast<uint32_t>(index + at));
      at += piece;
    }
  }

  void renew_key(uint32_t high) {
    high_ = high;
    key_ = mask_key(options_.seed, options_.site, options_.step, high);
  }

  const EnsembleOptions options_;
  const bool is_general_;
  const GeneralEnsemble<F> general_;
  Normalize normalize_ = nullptr, normalize_sum_ = nullptr;
  Reduce reduce_ = nullptr, reduce_sum_ = nullptr, reduce_and_normalize_ = nullptr;
  bool draws_ = false;
  uint32_t limit_ = 0;
  uint32_t high_ = 0;
  MaskKey key_{};
};

}  // namespace PEA_CAPABILITY
}  // namespace pea
