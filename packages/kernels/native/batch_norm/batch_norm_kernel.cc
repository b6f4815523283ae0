#include "batch_norm/batch_norm_kernel.h"

#include <cstring>

#include "ensemble/ensembles.h"
#include "ensemble/mask_generator.h"
#include "simd/elements.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Rows pass through the first-level cache in segments: what one short loop computes the next one finds there, so that
// the loops over element types and those over activations need not multiply.
constexpr int64_t kSegment = 512;
// Rows that are summed in the element type's arithmetic before the sum goes on in double.
constexpr int64_t kBlockRows = 32;

// The activation over arrays, chosen once per span rather than once per segment. Arrays may not overlap.
template <typename F>
class ActivationLoops {
 public:
  explicit ActivationLoops(const ActivationOptions& activation) : options_(activation.ensemble) {
    switch (activation.kind) {
      case ActivationKind::kIdentity:
        forward_ = identity;
        backward_ = identity_backward;
        break;
      case ActivationKind::kRelu:
        forward_ = rectify;
        backward_ = rectify_backward;
        break;
      case ActivationKind::kEnsemble:
        with_ensemble(options_, [&](auto smooth, auto ensemble) { choose<decltype(smooth)>(ensemble); });
        break;
    }
    renew_key(0);
  }

  // y = act(z); index is that of the first element in the tensor.
  void forward(const F* z, F* y, int64_t count, int64_t index) {
    in_pieces(count, index, [&](int64_t at, uint32_t n, uint32_t index_low) {
      forward_(*this, z + at, y + at, n, index_low);
    });
  }

  // dz = grad · act'(z)
  void backward(const F* grad, const F* z, F* dz, int64_t count, int64_t index) {
    in_pieces(count, index, [&](int64_t at, uint32_t n, uint32_t index_low) {
      backward_(*this, grad + at, z + at, dz + at, n, index_low);
    });
  }

 private:
  using Forward = void (*)(const ActivationLoops&, const F* z, F* y, uint32_t count, uint32_t index_low);
  using Backward = void (*)(const ActivationLoops&, const F* grad, const F* z, F* dz, uint32_t count,
                            uint32_t index_low);

  static void identity(const ActivationLoops&, const F* __restrict z, F* __restrict y, uint32_t count, uint32_t) {
#pragma omp simd
    for (uint32_t i = 0; i < count; ++i) y[i] = z[i];
  }

  static void identity_backward(const ActivationLoops&, const F* __restrict grad, const F*, F* __restrict dz,
                                uint32_t count, uint32_t) {
#pragma omp simd
    for (uint32_t i = 0; i < count; ++i) dz[i] = grad[i];
  }

  static void rectify(const ActivationLoops&, const F* __restrict z, F* __restrict y, uint32_t count, uint32_t) {
#pragma omp simd
    for (uint32_t i = 0; i < count; ++i) y[i] = relu(z[i]);
  }

  // A selection, not a product: where ReLU is flat, the gradient is 0 even if it was infinite.
  static void rectify_backward(const ActivationLoops&, const F* __restrict grad, const F* __restrict z,
                               F* __restrict dz, uint32_t count, uint32_t) {
#pragma omp simd
    for (uint32_t i = 0; i < count; ++i) dz[i] = z[i] <= 0 ? F(0) : grad[i];
  }

  template <typename Smooth, typename Ensemble>
  void choose(Ensemble) {
    forward_ = [](const ActivationLoops& self, const F* z, F* y, uint32_t count, uint32_t index_low) {
      forward_loop<Smooth>(z, y, count, index_low, self.key_, Ensemble(self.options_));
    };
    backward_ = [](const ActivationLoops& self, const F* grad, const F* z, F* dz, uint32_t count, uint32_t index_low) {
      backward_loop<Smooth>(grad, z, dz, count, index_low, self.key_, Ensemble(self.options_));
    };
  }

  template <typename Smooth>
  void choose(Stochastic ensemble) {
    limit_ = ensemble.limit;
    forward_ = [](const ActivationLoops& self, const F* z, F* y, uint32_t count, uint32_t index_low) {
      forward_loop<Smooth>(z, y, count, index_low, self.key_, Stochastic(self.options_, self.limit_));
    };
    backward_ = [](const ActivationLoops& self, const F* grad, const F* z, F* dz, uint32_t count, uint32_t index_low) {
      backward_loop<Smooth>(grad, z, dz, count, index_low, self.key_, Stochastic(self.options_, self.limit_));
    };
  }

  // Calls body(offset, count, low half of the index) for pieces whose indices share their high half.
  template <typename Body>
  PEA_INLINE void in_pieces(int64_t count, int64_t index, const Body& body) {
    for (int64_t at = 0; at < count;) {
      const int64_t piece = smaller(count - at, (int64_t(1) << 32) - static_cast<uint32_t>(index + at));
      const auto high = static_cast<uint32_t>((index + at) >> 32);
      if (high != high_) renew_key(high);
      body(at, static_cast<uint32_t>(piece), static_cast<uint32_t>(index + at));
      at += piece;
    }
  }

  void renew_key(uint32_t high) {
    high_ = high;
    key_ = mask_key(options_.seed, options_.site, options_.step, high);
  }

  const EnsembleOptions options_;
  Forward forward_ = nullptr;
  Backward backward_ = nullptr;
  uint32_t limit_ = 0;
  uint32_t high_ = 0;
  MaskKey key_{};
};

// What the loops read and write in place of bfloat16; float and double are used where they lie.
template <typename T>
class Buffer {
 public:
  PEA_INLINE const float* read(const BFloat16* from, int64_t count) {
    widen(from, values_, static_cast<uint32_t>(count));
    return values_;
  }
  PEA_INLINE float* place(BFloat16*) { return values_; }
  PEA_INLINE void write(BFloat16* to, int64_t count) { narrow(values_, to, static_cast<uint32_t>(count)); }

 private:
  alignas(64) float values_[kSegment];
};

template <typename F>
class DirectBuffer {
 public:
  PEA_INLINE const F* read(const F* from, int64_t) { return from; }
  PEA_INLINE F* place(F* to) { return to; }
  PEA_INLINE void write(F*, int64_t) {}
};
template <>
class Buffer<float> : public DirectBuffer<float> {};
template <>
class Buffer<double> : public DirectBuffer<double> {};

// d = x - center and z = scale · d + shift [+ residual] of one segment.
template <typename F>
struct Preactivation {
  alignas(64) F d[kSegment];
  alignas(64) F z[kSegment];

  PEA_INLINE void compute(const F* __restrict x, const F* __restrict residual, const F* __restrict center,
                          const F* __restrict scale, const F* __restrict shift, int64_t count) {
    if (residual == nullptr) {
#pragma omp simd
      for (int64_t i = 0; i < count; ++i) {
        d[i] = x[i] - center[i];
        z[i] = d[i] * scale[i] + shift[i];
      }
    } else {
#pragma omp simd
      for (int64_t i = 0; i < count; ++i) {
        d[i] = x[i] - center[i];
        z[i] = d[i] * scale[i] + shift[i] + residual[i];
      }
    }
  }
};

// Asks for the lines of the next segment while this one is computed: the short loops alone would wait for memory in
// turn, first for what they read, then for what they write.
constexpr uintptr_t kLine = 64;

// Elements from `first` on; by addresses, because no pointer may point behind the tensor, where the last ones lie.
template <int kToWrite, typename T>
PEA_INLINE void prefetch(const T* base, int64_t first, int64_t count) {
  const uintptr_t begin = reinterpret_cast<uintptr_t>(base) + static_cast<uintptr_t>(first) * sizeof(T);
  const uintptr_t end = begin + static_cast<uintptr_t>(count) * sizeof(T);
  for (uintptr_t line = begin; line < end; line += kLine) {
    __builtin_prefetch(reinterpret_cast<const void*>(line), kToWrite);
  }
}

template <typename T>
PEA_INLINE void prefetch_to_read(const T* base, int64_t first, int64_t count) {
  prefetch<0>(base, first, count);
}

template <typename T>
PEA_INLINE void prefetch_to_write(const T* base, int64_t first, int64_t count) {
  prefetch<1>(base, first, count);
}

// Calls body(offset in the span, column, count) for the segments in the order of memory.
template <typename Body>
PEA_INLINE void for_each_segment(const Span& span, int64_t width, const Body& body) {
  for (int64_t row = 0; row < span.count; row += width) {
    const int64_t row_count = smaller(width, span.count - row);
    for (int64_t column = 0; column < row_count; column += kSegment) {
      body(row + column, column, smaller(kSegment, row_count - column));
    }
  }
}

// Sums two quantities over the rows of each column. body(offset in the span, column, count, first sums, second sums)
// adds those of one segment to sums in the element type's arithmetic; those go on in double every kBlockRows rows.
template <typename F, typename Body>
PEA_INLINE void sum_columns(const Span& span, int64_t width, double* first, double* second, const Body& body) {
  alignas(64) F block_first[kSegment], block_second[kSegment];
  for (int64_t block = 0; block < span.count; block += kBlockRows * width) {
    const int64_t block_end = smaller(block + kBlockRows * width, span.count);
    for (int64_t column = 0; column < width; column += kSegment) {
      const int64_t count = smaller(kSegment, width - column);
      for (int64_t i = 0; i < count; ++i) block_first[i] = block_second[i] = 0;
      for (int64_t row = block; row + column < block_end; row += width) {
        body(row + column, column, smaller(count, block_end - row - column), block_first, block_second);
      }
      for (int64_t i = 0; i < count; ++i) {
        first[column + i] += block_first[i];
        second[column + i] += block_second[i];
      }
    }
  }
}

template <typename T>
void moments_of(const T* x, const Span& span, const Columns& columns, double* sums, double* squares) {
  using F = Arithmetic<T>;
  const F* center = static_cast<const F*>(columns.center);
  Buffer<T> x_buffer;
  sum_columns<F>(span, columns.width, sums, squares,
                 [&](int64_t at, int64_t column, int64_t count, F* __restrict sum, F* __restrict square) {
                   const F* __restrict values = x_buffer.read(x + span.first + at, count);
                   const F* __restrict centers = center + column;
#pragma omp simd
                   for (int64_t i = 0; i < count; ++i) {
                     const F d = values[i] - centers[i];
                     sum[i] += d;
                     square[i] += d * d;
                   }
                 });
}

// The arrays over the columns in the type of the arithmetic.
template <typename F>
struct TypedColumns {
  const F *center, *scale, *shift, *slope, *offset;

  explicit TypedColumns(const Columns& columns)
      : center(static_cast<const F*>(columns.center)),
        scale(static_cast<const F*>(columns.scale)),
        shift(static_cast<const F*>(columns.shift)),
        slope(static_cast<const F*>(columns.slope)),
        offset(static_cast<const F*>(columns.offset)) {}
};

// y = z, or ReLU of it, in one loop.
template <bool kRelu, typename F>
PEA_INLINE void normalize_segment(const F* __restrict x, const F* __restrict center, const F* __restrict scale,
                                  const F* __restrict shift, F* __restrict y, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const F z = (x[i] - center[i]) * scale[i] + shift[i];
    y[i] = kRelu ? relu(z) : z;
  }
}

// What the values are: a surrogate has ReLU's, and its own slope alone.
ActivationKind forward_kind(const ActivationOptions& activation) {
  const bool is_surrogate = activation.kind == ActivationKind::kEnsemble && activation.ensemble.mode == Mode::kSurrogate;
  return is_surrogate ? ActivationKind::kRelu : activation.kind;
}

template <typename T>
void normalize_span(const T* x, const T* residual, T* y, const Span& span, const Columns& columns,
                    const ActivationOptions& activation) {
  using F = Arithmetic<T>;
  const TypedColumns<F> of(columns);
  const ActivationKind kind = forward_kind(activation);
  ActivationLoops<F> loops({kind, activation.ensemble});
  Buffer<T> x_buffer, residual_buffer, y_buffer;
  Preactivation<F> pre;
  for_each_segment(span, columns.width, [&](int64_t at, int64_t column, int64_t count) {
    const int64_t index = span.first + at;
    prefetch_to_read(x, index + count, count);
    if (residual != nullptr) prefetch_to_read(residual, index + count, count);
    prefetch_to_write(y, at + count, count);
    const bool is_plain = residual == nullptr && kind != ActivationKind::kEnsemble;
    if (is_plain) {
      const auto run = kind == ActivationKind::kRelu ? normalize_segment<true, F> : normalize_segment<false, F>;
      run(x_buffer.read(x + index, count), of.center + column, of.scale + column, of.shift + column,
          y_buffer.place(y + at), count);
      y_buffer.write(y + at, count);
      return;
    }
    pre.compute(x_buffer.read(x + index, count),
                residual == nullptr ? nullptr : residual_buffer.read(residual + index, count), of.center + column,
                of.scale + column, of.shift + column, count);
    loops.forward(pre.z, y_buffer.place(y + at), count, index);
    y_buffer.write(y + at, count);
  });
}

PEA_INLINE void keep(const float* from, BFloat16* to, int64_t count) { narrow(from, to, static_cast<uint32_t>(count)); }
template <typename F>
PEA_INLINE void keep(const F* from, F* to, int64_t count) {
  std::memcpy(to, from, static_cast<size_t>(count) * sizeof(F));
}

// dz of ReLU with its sums, in one loop.
template <typename F>
PEA_INLINE void reduce_rectified(const F* __restrict grad, const F* __restrict x, const F* __restrict center,
                                 const F* __restrict scale, const F* __restrict shift, F* __restrict dz,
                                 F* __restrict sum, F* __restrict dot, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const F d = x[i] - center[i];
    const F z = d * scale[i] + shift[i];
    dz[i] = z <= 0 ? F(0) : grad[i];
    sum[i] += dz[i];
    dot[i] += dz[i] * d;
  }
}

template <typename T>
void reduce_span(const T* grad, const T* x, const T* residual, T* dz, const Span& span, const Columns& columns,
                 const ActivationOptions& activation, double* sums, double* dots) {
  using F = Arithmetic<T>;
  const TypedColumns<F> of(columns);
  ActivationLoops<F> loops(activation);
  Buffer<T> grad_buffer, x_buffer, residual_buffer;
  alignas(64) F gradients[kSegment];
  Preactivation<F> pre;
  sum_columns<F>(span, columns.width, sums, dots,
                 [&](int64_t at, int64_t column, int64_t count, F* __restrict sum, F* __restrict dot) {
                   const int64_t index = span.first + at;
                   const int64_t below = index + columns.width;
                   prefetch_to_read(x, below, count);
                   prefetch_to_read(grad, below, count);
                   if (residual != nullptr) prefetch_to_read(residual, below, count);
                   if (dz != nullptr) prefetch_to_write(dz, below, count);
                   if (residual == nullptr && activation.kind == ActivationKind::kRelu) {
                     reduce_rectified(grad_buffer.read(grad + index, count), x_buffer.read(x + index, count),
                                      of.center + column, of.scale + column, of.shift + column, gradients, sum, dot,
                                      count);
                     if (dz != nullptr) keep(gradients, dz + index, count);
                     return;
                   }
                   pre.compute(x_buffer.read(x + index, count),
                               residual == nullptr ? nullptr : residual_buffer.read(residual + index, count),
                               of.center + column, of.scale + column, of.shift + column, count);
                   loops.backward(grad_buffer.read(grad + index, count), pre.z, gradients, count, index);
                   if (dz != nullptr) keep(gradients, dz + index, count);
#pragma omp simd
                   for (int64_t i = 0; i < count; ++i) {
                     sum[i] += gradients[i];
                     dot[i] += gradients[i] * pre.d[i];
                   }
                 });
}

template <typename T>
void gradient_span(const T* grad, const T* x, T* dx, const Span& span, const Columns& columns,
                   const ActivationOptions& activation) {
  using F = Arithmetic<T>;
  const TypedColumns<F> of(columns);
  ActivationLoops<F> loops(activation);
  Buffer<T> grad_buffer, x_buffer, dx_buffer;
  alignas(64) F activated[kSegment];
  Preactivation<F> pre;
  for_each_segment(span, columns.width, [&](int64_t at, int64_t column, int64_t count) {
    const int64_t index = span.first + at;
    prefetch_to_read(x, index + count, count);
    prefetch_to_read(grad, index + count, count);
    prefetch_to_write(dx, at + count, count);
    const F* const values = x_buffer.read(x + index, count);
    const F* dz = grad_buffer.read(grad + index, count);
    if (activation.kind != ActivationKind::kIdentity) {
      pre.compute(values, nullptr, of.center + column, of.scale + column, of.shift + column, count);
      loops.backward(dz, pre.z, activated, count, index);
      dz = activated;
    }
    F* const result = dx_buffer.place(dx + at);
    const F *__restrict scale = of.scale + column, *__restrict center = of.center + column;
    if (of.slope == nullptr) {
#pragma omp simd
      for (int64_t i = 0; i < count; ++i) result[i] = dz[i] * scale[i];
    } else {
      const F *__restrict slope = of.slope + column, *__restrict offset = of.offset + column;
#pragma omp simd
      for (int64_t i = 0; i < count; ++i) {
        result[i] = dz[i] * scale[i] - ((values[i] - center[i]) * slope[i] + offset[i]);
      }
    }
    dx_buffer.write(dx + at, count);
  });
}

void moments(ElementType type, const void* x, Span span, const Columns& columns, double* sums, double* squares) {
  with_element(type, [&](auto element) {
    moments_of(static_cast<const decltype(element)*>(x), span, columns, sums, squares);
  });
}

void normalize(ElementType type, const void* x, const void* residual, void* y, Span span, const Columns& columns,
               const ActivationOptions& activation) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    normalize_span(static_cast<const T*>(x), static_cast<const T*>(residual), static_cast<T*>(y), span, columns,
                   activation);
  });
}

void reduce(ElementType type, const void* grad, const void* x, const void* residual, void* dz, Span span,
            const Columns& columns, const ActivationOptions& activation, double* sums, double* dots) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    reduce_span(static_cast<const T*>(grad), static_cast<const T*>(x), static_cast<const T*>(residual),
                static_cast<T*>(dz), span, columns, activation, sums, dots);
  });
}

void gradient(ElementType type, const void* grad, const void* x, void* dx, Span span, const Columns& columns,
              const ActivationOptions& activation) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    gradient_span(static_cast<const T*>(grad), static_cast<const T*>(x), static_cast<T*>(dx), span, columns,
                  activation);
  });
}

}  // namespace

const BatchNormKernels batch_norm_kernels = {moments, normalize, reduce, gradient};

}  // namespace PEA_CAPABILITY
}  // namespace pea
