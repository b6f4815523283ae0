#include "ensemble_kernel.h"

#include "activations.h"
#include "bfloat16.h"
#include "ensembles.h"
#include "mask_generator.h"

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
  with_ensemble(options, [&](auto activation, auto ensemble) {
    switch (type) {
      case ElementType::kFloat32: return body(activation, ensemble, float());
      case ElementType::kBFloat16: return body(activation, ensemble, BFloat16());
      case ElementType::kFloat64: return body(activation, ensemble, double());
    }
  });
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
