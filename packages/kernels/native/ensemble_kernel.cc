#include "ensemble_kernel.h"

#include "activations.h"
#include "mask_generator.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

struct BFloat16 {
  uint16_t bits;
};

PEA_INLINE float to_float(BFloat16 x) { return float_of(static_cast<uint32_t>(x.bits) << 16); }

// To nearest, ties to even; every NaN becomes the quiet one that libtorch makes.
PEA_INLINE BFloat16 to_bfloat16(float x) {
  const uint32_t bits = bits_of(x);
  const uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
  return {static_cast<uint16_t>(x != x ? 0x7fc0u : rounded >> 16)};
}

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
  PEA_INLINE F mix(F relu_part, F gap, uint32_t counter, MaskKey key) const {
    const F smooth_part = relu_part - gap;
    return mask_draw(counter, key) <= limit ? relu_part : smooth_part;
  }
};

// Calls body(first element, number of elements, low half of the first index, mask key) for pieces whose indices share
// their high half and whose length fits 32-bit loop counters, which keeps the index arithmetic of the masks narrow.
template <typename Body>
PEA_INLINE void for_each_piece(int64_t begin, int64_t end, const EnsembleOptions& options, const Body& body) {
  constexpr int64_t kPiece = int64_t(1) << 30;
  while (begin < end) {
    const int64_t boundary = (begin | (kPiece - 1)) + 1;
    const int64_t stop = end < boundary ? end : boundary;
    body(begin, static_cast<uint32_t>(stop - begin), static_cast<uint32_t>(begin),
         mask_key(options.seed, options.site, options.step, static_cast<uint32_t>(begin >> 32)));
    begin = stop;
  }
}

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

// bfloat16 passes through blocks of float32 in the first-level cache: loops of one element width each vectorize
// better than one loop of two widths.
constexpr uint32_t kBlock = 512;

PEA_INLINE void widen(const BFloat16* __restrict from, float* __restrict to, uint32_t count) {
#pragma omp simd
  for (uint32_t i = 0; i < count; ++i) to[i] = to_float(from[i]);
}

PEA_INLINE void narrow(const float* __restrict from, BFloat16* __restrict to, uint32_t count) {
#pragma omp simd
  for (uint32_t i = 0; i < count; ++i) to[i] = to_bfloat16(from[i]);
}

template <typename Activation, typename Ensemble>
PEA_INLINE void forward_loop(const BFloat16* x, BFloat16* y, uint32_t count, uint32_t index_low, MaskKey key,
                             const Ensemble& ensemble) {
  alignas(64) float wide_x[kBlock], wide_y[kBlock];
  for (uint32_t i = 0; i < count; i += kBlock) {
    const uint32_t n = count - i < kBlock ? count - i : kBlock;
    widen(x + i, wide_x, n);
    forward_loop<Activation>(wide_x, wide_y, n, index_low + i, key, ensemble);
    narrow(wide_y, y + i, n);
  }
}

template <typename Activation, typename Ensemble>
PEA_INLINE void backward_loop(const BFloat16* grad, const BFloat16* x, BFloat16* y, uint32_t count, uint32_t index_low,
                              MaskKey key, const Ensemble& ensemble) {
  alignas(64) float wide_grad[kBlock], wide_x[kBlock], wide_y[kBlock];
  for (uint32_t i = 0; i < count; i += kBlock) {
    const uint32_t n = count - i < kBlock ? count - i : kBlock;
    widen(grad + i, wide_grad, n);
    widen(x + i, wide_x, n);
    backward_loop<Activation>(wide_grad, wide_x, wide_y, n, index_low + i, key, ensemble);
    narrow(wide_y, y + i, n);
  }
}

template <typename Activation, typename Ensemble, typename T>
void forward_range(const void* x, void* y, int64_t begin, int64_t end, const EnsembleOptions& options) {
  const Ensemble ensemble(options);
  for_each_piece(begin, end, options, [&](int64_t first, uint32_t count, uint32_t index_low, MaskKey key) {
    forward_loop<Activation>(static_cast<const T*>(x) + first, static_cast<T*>(y) + first, count, index_low, key,
                             ensemble);
  });
}

template <typename Activation, typename Ensemble, typename T>
void backward_range(const void* grad, const void* x, void* y, int64_t begin, int64_t end,
                    const EnsembleOptions& options) {
  const Ensemble ensemble(options);
  for_each_piece(begin, end, options, [&](int64_t first, uint32_t count, uint32_t index_low, MaskKey key) {
    backward_loop<Activation>(static_cast<const T*>(grad) + first, static_cast<const T*>(x) + first,
                              static_cast<T*>(y) + first, count, index_low, key, ensemble);
  });
}

// Calls body(activation, ensemble, element) with the types that the options name.
template <typename Body>
void with_types(ElementType type, const EnsembleOptions& options, const Body& body) {
  const auto with_ensemble = [&](auto activation, auto element) {
    // At alpha = 0 no mask is drawn.
    if (options.mode == Mode::kWeighted || options.alpha == 0) {
      body(activation, Weighted(options), element);
    } else {
      body(activation, Stochastic(options), element);
    }
  };
  const auto with_element = [&](auto activation) {
    switch (type) {
      case ElementType::kFloat32: return with_ensemble(activation, float());
      case ElementType::kBFloat16: return with_ensemble(activation, BFloat16());
      case ElementType::kFloat64: return with_ensemble(activation, double());
    }
  };
  switch (options.smooth) {
    case Smooth::kGelu: return with_element(Gelu());
    case Smooth::kSwish: return with_element(Swish());
    case Smooth::kMish: return with_element(Mish());
    case Smooth::kElu: return with_element(Elu());
  }
}

void forward(ElementType type, const void* x, void* y, int64_t begin, int64_t end, const EnsembleOptions& options) {
  with_types(type, options, [&](auto activation, auto ensemble, auto element) {
    forward_range<decltype(activation), decltype(ensemble), decltype(element)>(x, y, begin, end, options);
  });
}

void backward(ElementType type, const void* grad, const void* x, void* y, int64_t begin, int64_t end,
              const EnsembleOptions& options) {
  with_types(type, options, [&](auto activation, auto ensemble, auto element) {
    backward_range<decltype(activation), decltype(ensemble), decltype(element)>(grad, x, y, begin, end, options);
  });
}

}  // namespace

const EnsembleKernels kernels = {forward, backward};

}  // namespace PEA_CAPABILITY
}  // namespace pea
