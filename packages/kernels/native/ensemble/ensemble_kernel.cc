#include "ensemble/ensemble_kernel.h"

#include <cstring>

#include "ensemble/activations.h"
#include "ensemble/ensembles.h"
#include "ensemble/general_ensemble.h"
#include "ensemble/mask_generator.h"
#include "simd/buffer.h"
#include "simd/lanes.h"
#include "simd/streaming.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

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

// y = f(x)
template <typename Activation, typename Ensemble, typename F>
PEA_INLINE void forward_loop(const F* __restrict x, F* __restrict y, uint32_t count, uint32_t index_low, MaskKey key,
                             const Ensemble& ensemble) {
  for_each_lanes<kTakesVectors<Activation, F>, kMaskIncrement>(
      count, mask_counter(index_low, key), [&](auto lanes, uint32_t i, auto counter) PEA_INLINE_BODY {
        lanes.store(mix<Activation>(ensemble, lanes.load(x + i), counter, key).value, y + i);
      });
}

// y = grad · f'(x)
template <typename Activation, typename Ensemble, typename F>
PEA_INLINE void backward_loop(const F* __restrict grad, const F* __restrict x, F* __restrict y, uint32_t count,
                              uint32_t index_low, MaskKey key, const Ensemble& ensemble) {
  for_each_lanes<kTakesVectors<Activation, F>, kMaskIncrement>(
      count, mask_counter(index_low, key), [&](auto lanes, uint32_t i, auto counter) PEA_INLINE_BODY {
        lanes.store(lanes.load(grad + i) * mix<Activation>(ensemble, lanes.load(x + i), counter, key).slope, y + i);
      });
}

// bfloat16 passes through blocks of float32 in the first-level cache: loops of one element width each vectorize
// better than one loop of two widths.
constexpr uint32_t kBlock = 512;

template <typename Activation, typename Ensemble>
PEA_INLINE void forward_loop(const BFloat16* x, BFloat16* y, uint32_t count, uint32_t index_low, MaskKey key,
                             const Ensemble& ensemble) {
  alignas(64) float wide_x[kBlock], wide_y[kBlock];
  for (uint32_t i = 0; i < count; i += kBlock) {
    const uint32_t n = count - i < kBlock ? count - i : kBlock;
    widen(x + i, wide_x, n);
    forward_loop<ForResults<Activation, BFloat16>>(wide_x, wide_y, n, index_low + i, key, ensemble);
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
    backward_loop<ForResults<Activation, BFloat16>>(wide_grad, wide_x, wide_y, n, index_low + i, key, ensemble);
    narrow(wide_y, y + i, n);
  }
}

// Calls body(first element of the block, y of the block, its length, low half of the first index) for the blocks of a
// piece; what body writes into y is streamed from a block in the first-level cache.
template <typename T, typename Body>
PEA_INLINE void in_streamed_blocks(T* y, uint32_t count, uint32_t index_low, const Body& body) {
  alignas(64) T block[kBlock];
  for (uint32_t i = 0; i < count; i += kBlock) {
    const uint32_t n = count - i < kBlock ? count - i : kBlock;
    body(i, block, n, index_low + i);
    stream(y + i, block, n * sizeof(T));
  }
}

// The loops take whole vectors only: what compilers make of single elements may round otherwise than what they make of
// vectors, and the value of an element is to depend on the element alone. The last elements pass through a vector that
// is filled up with zeros.
constexpr uint32_t kVector = 64;  // elements: a multiple of what any capability takes at once

template <typename Activation, typename Ensemble, typename T>
__attribute__((noinline)) void forward_vectors(const T* x, T* y, uint32_t count, uint32_t index_low, MaskKey key,
                                               const Ensemble& ensemble) {
  forward_loop<Activation>(x, y, count, index_low, key, ensemble);
}

template <typename Activation, typename Ensemble, typename T>
__attribute__((noinline)) void backward_vectors(const T* grad, const T* x, T* y, uint32_t count, uint32_t index_low,
                                                MaskKey key, const Ensemble& ensemble) {
  backward_loop<Activation>(grad, x, y, count, index_low, key, ensemble);
}

// The elements of a piece from the last whole vector on, and zeros.
template <typename T>
struct LastVector {
  alignas(64) T elements[kVector] = {};

  LastVector(const T* from, uint32_t count) { std::memcpy(elements, from, count * sizeof(T)); }
};

template <typename Activation, typename Ensemble, typename T>
PEA_INLINE void forward_elements(const T* x, T* y, uint32_t count, uint32_t index_low, MaskKey key,
                                 const Ensemble& ensemble) {
  const uint32_t whole = count & ~(kVector - 1), rest = count - whole;
  forward_vectors<Activation>(x, y, whole, index_low, key, ensemble);
  if (rest == 0) return;
  const LastVector<T> last_x(x + whole, rest);
  T last_y[kVector];
  forward_vectors<Activation>(last_x.elements, last_y, kVector, index_low + whole, key, ensemble);
  std::memcpy(y + whole, last_y, rest * sizeof(T));
}

template <typename Activation, typename Ensemble, typename T>
PEA_INLINE void backward_elements(const T* grad, const T* x, T* y, uint32_t count, uint32_t index_low, MaskKey key,
                                  const Ensemble& ensemble) {
  const uint32_t whole = count & ~(kVector - 1), rest = count - whole;
  backward_vectors<Activation>(grad, x, y, whole, index_low, key, ensemble);
  if (rest == 0) return;
  const LastVector<T> last_grad(grad + whole, rest), last_x(x + whole, rest);
  T last_y[kVector];
  backward_vectors<Activation>(last_grad.elements, last_x.elements, last_y, kVector, index_low + whole, key, ensemble);
  std::memcpy(y + whole, last_y, rest * sizeof(T));
}

template <typename Activation, typename Ensemble, typename T>
void forward_range(const T* x, T* y, int64_t begin, int64_t end, const EnsembleOptions& options, bool streamed) {
  const Ensemble ensemble(options);
  for_each_piece(begin, end, options, [&](int64_t first, uint32_t count, uint32_t index_low, MaskKey key) {
    const auto loop = [&](uint32_t at, T* to, uint32_t n, uint32_t low) {
      forward_elements<Activation>(x + first + at, to, n, low, key, ensemble);
    };
    if (streamed) in_streamed_blocks(y + first, count, index_low, loop);
    else loop(0, y + first, count, index_low);
  });
  if (streamed) end_streaming();
}

template <typename Activation, typename Ensemble, typename T>
void backward_range(const T* grad, const T* x, T* y, int64_t begin, int64_t end, const EnsembleOptions& options,
                    bool streamed) {
  const Ensemble ensemble(options);
  for_each_piece(begin, end, options, [&](int64_t first, uint32_t count, uint32_t index_low, MaskKey key) {
    const auto loop = [&](uint32_t at, T* to, uint32_t n, uint32_t low) {
      backward_elements<Activation>(grad + first + at, x + first + at, to, n, low, key, ensemble);
    };
    if (streamed) in_streamed_blocks(y + first, count, index_low, loop);
    else loop(0, y + first, count, index_low);
  });
  if (streamed) end_streaming();
}

// Calls body(activation, ensemble, element) with the types that the options name.
template <typename Body>
void with_types(ElementType type, const EnsembleOptions& options, const Body& body) {
  with_ensemble(options, [&](auto activation, auto ensemble) {
    switch (type) {
      case ElementType::kFloat32: return body(activation, ensemble, float());
      case ElementType::kBFloat16: return body(activation, ensemble, BFloat16());
      case ElementType::kFloat64: return body(activation, ensemble, double());
    }
  });
}

// Calls body(first element, number of elements) for the segments of a range, cut where the index' high half changes.
template <typename Body>
PEA_INLINE void for_each_segment(int64_t begin, int64_t end, const EnsembleOptions& options, const Body& body) {
  for_each_piece(begin, end, options, [&](int64_t first, uint32_t count, uint32_t, MaskKey) {
    for (int64_t at = 0; at < count; at += kSegment) body(first + at, smaller(kSegment, count - at));
  });
}

// Copies in the element type's arithmetic, for the reason above filled up with zeros to whole vectors.
template <typename T>
class PaddedCopy {
 public:
  using F = Arithmetic<T>;

  PaddedCopy(const T* from, int64_t count) : whole((count + kVector - 1) & ~(int64_t(kVector) - 1)) {
    if constexpr (sizeof(T) == sizeof(F)) std::memcpy(elements, from, count * sizeof(T));
    else widen(from, elements, static_cast<uint32_t>(count));
    for (int64_t i = count; i < whole; ++i) elements[i] = 0;
  }

  void write(T* to, int64_t count) const {
    if constexpr (sizeof(T) == sizeof(F)) std::memcpy(to, elements, count * sizeof(T));
    else narrow(elements, to, static_cast<uint32_t>(count));
  }

  alignas(64) F elements[kSegment];
  const int64_t whole;
};

template <typename T>
void general_forward_range(const T* x, T* y, int64_t begin, int64_t end, const EnsembleOptions& options) {
  const GeneralEnsemble<Arithmetic<T>> ensemble(options);
  for_each_segment(begin, end, options, [&](int64_t first, int64_t count) {
    PaddedCopy<T> values(x + first, count);
    ensemble.forward(values.elements, values.whole, first);
    values.write(y + first, count);
  });
}

template <typename T>
void general_backward_range(const T* grad, const T* x, T* y, int64_t begin, int64_t end,
                            const EnsembleOptions& options) {
  const GeneralEnsemble<Arithmetic<T>> ensemble(options);
  for_each_segment(begin, end, options, [&](int64_t first, int64_t count) {
    PaddedCopy<T> gradients(grad + first, count);
    const PaddedCopy<T> values(x + first, count);
    ensemble.backward(gradients.elements, values.elements, gradients.elements, values.whole, first);
    gradients.write(y + first, count);
  });
}

void forward(ElementType type, const void* x, void* y, int64_t begin, int64_t end, const EnsembleOptions& options,
             bool streamed) {
  if (is_general(options)) {
    return with_element(type, [&](auto element) {
      using T = decltype(element);
      general_forward_range(static_cast<const T*>(x), static_cast<T*>(y), begin, end, options);
    });
  }
  with_types(type, options, [&](auto activation, auto ensemble, auto element) {
    using T = decltype(element);
    forward_range<decltype(activation), decltype(ensemble)>(static_cast<const T*>(x), static_cast<T*>(y), begin, end,
                                                            options, streamed);
  });
}

void backward(ElementType type, const void* grad, const void* x, void* y, int64_t begin, int64_t end,
              const EnsembleOptions& options, bool streamed) {
  if (is_general(options)) {
    return with_element(type, [&](auto element) {
      using T = decltype(element);
      general_backward_range(static_cast<const T*>(grad), static_cast<const T*>(x), static_cast<T*>(y), begin, end,
                             options);
    });
  }
  with_types(type, options, [&](auto activation, auto ensemble, auto element) {
    using T = decltype(element);
    backward_range<decltype(activation), decltype(ensemble)>(static_cast<const T*>(grad), static_cast<const T*>(x),
                                                             static_cast<T*>(y), begin, end, options, streamed);
  });
}

}  // namespace

const EnsembleKernels ensemble_kernels = {forward, backward};

}  // namespace PEA_CAPABILITY
}  // namespace pea
