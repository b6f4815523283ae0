#include "batch_norm/batch_norm_kernel.h"

#include "batch_norm/activation_loops.h"
#include "simd/buffer.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Rows that are summed in the element type's arithmetic before the sum goes on in double.
constexpr int64_t kBlockRows = 32;

// Lines are asked for before they are computed: the short loops alone would wait for memory in turn, first for what they
// read, then for what they write. In rows of 128 columns the next segment's lines would come too late, and in
// MobileNet-0.25 2 to 16 KB ahead made no difference. In short spans it is a part of them, such as a plane of an image.
constexpr int64_t kAheadBytes = 4096, kAheadPart = 4;

template <typename T>
PEA_INLINE int64_t elements_ahead(const Span& span) {
  return smaller(kAheadBytes / static_cast<int64_t>(sizeof(T)), span.count / kAheadPart);
}

constexpr uintptr_t kLine = 64;

// `count` elements from `first` on, which may be none; by addresses, because no pointer may point behind the tensor.
template <int kToWrite, typename T>
PEA_INLINE void prefetch(const T* base, int64_t first, int64_t count) {
  const uintptr_t begin = reinterpret_cast<uintptr_t>(base) + static_cast<uintptr_t>(first) * sizeof(T);
  const uintptr_t bytes = static_cast<uintptr_t>(larger(count, 0)) * sizeof(T);
  for (uintptr_t line = begin; line < begin + bytes; line += kLine) {
    __builtin_prefetch(reinterpret_cast<const void*>(line), kToWrite);
  }
}

// Behind the span, too, where the next one often lies.
template <typename T>
PEA_INLINE void prefetch_to_read(const T* base, int64_t first, int64_t count) {
  prefetch<0>(base, first, count);
}

// Up to `end` alone: what lies behind may be another thread's.
template <typename T>
PEA_INLINE void prefetch_to_write(const T* base, int64_t first, int64_t count, int64_t end) {
  prefetch<1>(base, first, smaller(count, end - first));
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
  sum_columns<F>(span, columns.width, sums, squares,
                 [&](int64_t at, int64_t column, int64_t count, F* __restrict sum, F* __restrict square) {
                   const T* __restrict values = x + span.first + at;
                   const F* __restrict centers = center + column;
#pragma omp simd
                   for (int64_t i = 0; i < count; ++i) {
                     const F d = value(values[i]) - centers[i];
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

  // Of a residual that may be absent; x and residual from element `index` on.
  template <typename T>
  PEA_INLINE Preactivation<T> preactivation(const T* x, const T* residual, int64_t index, int64_t column) const {
    return {x + index, residual == nullptr ? nullptr : residual + index, center + column, scale + column, shift + column};
  }
};

// What the values are: a surrogate has ReLU's, and its own slope alone.
ActivationOptions forward_activation(const ActivationOptions& activation) {
  const bool is_surrogate = activation.kind == ActivationKind::kEnsemble && activation.ensemble.mode == Mode::kSurrogate;
  return is_surrogate ? ActivationOptions{ActivationKind::kRelu, activation.ensemble} : activation;
}

template <typename T>
void normalize_span(const T* x, const T* residual, T* y, const Span& span, const Columns& columns,
                    const ActivationOptions& activation) {
  using F = Arithmetic<T>;
  const TypedColumns<F> of(columns);
  ActivationLoops<T> loops(forward_activation(activation));
  Buffer<T> y_buffer;
  const int64_t ahead = elements_ahead<T>(span);
  for_each_segment(span, columns.width, [&](int64_t at, int64_t column, int64_t count) {
    const int64_t index = span.first + at;
    prefetch_to_read(x, index + ahead, count);
    if (residual != nullptr) prefetch_to_read(residual, index + ahead, count);
    prefetch_to_write(y, at + ahead, count, span.count);
    loops.normalize(of.preactivation(x, residual, index, column), y_buffer.place(y + at), count, index);
    y_buffer.write(y + at, count);
  });
}

template <typename T>
void reduce_span(const T* grad, const T* x, const T* residual, T* dz, T* y, const Span& span, const Columns& columns,
                 const ActivationOptions& activation, double* sums, double* dots) {
  using F = Arithmetic<T>;
  const TypedColumns<F> of(columns);
  ActivationLoops<T> loops(activation);
  Buffer<T> dz_buffer, y_buffer;
  alignas(64) F unkept[kSegment];
  // Segments are summed row below row: whole rows.
  const int64_t ahead = (elements_ahead<T>(span) + columns.width - 1) / columns.width * columns.width;
  sum_columns<F>(span, columns.width, sums, dots, [&](int64_t at, int64_t column, int64_t count, F* sum, F* dot) {
    const int64_t index = span.first + at, below = index + ahead;
    prefetch_to_read(x, below, count);
    prefetch_to_read(grad, below, count);
    if (residual != nullptr) prefetch_to_read(residual, below, count);
    if (dz != nullptr) prefetch_to_write(dz, below, count, span.first + span.count);
    const Preactivation<T> pre = of.preactivation(x, residual, index, column);
    F* const to = dz == nullptr ? unkept : dz_buffer.place(dz + index);
    if (y == nullptr) {
      loops.reduce(grad + index, pre, to, sum, dot, count, index);
    } else {
      loops.reduce_and_normalize(grad + index, pre, to, sum, dot, y_buffer.place(y + at), count, index);
      y_buffer.write(y + at, count);
    }
    if (dz != nullptr) dz_buffer.write(dz + index, count);
  });
}

// dx of one segment.
template <bool kRectified, bool kHasSlopes, typename T, typename F>
PEA_INLINE void gradient_loop(const T* grad, const T* __restrict x, const TypedColumns<F>& of, int64_t column, F* dx,
                              int64_t count) {
  const F *__restrict center = of.center + column, *__restrict scale = of.scale + column;
  const F *__restrict shift = of.shift + column, *__restrict slope = of.slope + column;
  const F* __restrict offset = of.offset + column;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const F d = value(x[i]) - center[i];
    const F dz = kRectified && d * scale[i] + shift[i] <= 0 ? F(0) : value(grad[i]);
    dx[i] = kHasSlopes ? dz * scale[i] - (d * slope[i] + offset[i]) : dz * scale[i];
  }
}

template <bool kRectified, bool kHasSlopes, typename T>
void gradient_span(const T* grad, const T* x, T* dx, const Span& span, const Columns& columns) {
  using F = Arithmetic<T>;
  const TypedColumns<F> of(columns);
  Buffer<T> dx_buffer;
  const int64_t ahead = elements_ahead<T>(span);
  for_each_segment(span, columns.width, [&](int64_t at, int64_t column, int64_t count) {
    const int64_t index = span.first + at;
    prefetch_to_read(x, index + ahead, count);
    prefetch_to_read(grad, index + ahead, count);
    prefetch_to_write(dx, at + ahead, count, span.count);
    gradient_loop<kRectified, kHasSlopes>(grad + index, x + index, of, column, dx_buffer.place(dx + at), count);
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

void reduce(ElementType type, const void* grad, const void* x, const void* residual, void* dz, void* y, Span span,
            const Columns& columns, const ActivationOptions& activation, double* sums, double* dots) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    reduce_span(static_cast<const T*>(grad), static_cast<const T*>(x), static_cast<const T*>(residual),
                static_cast<T*>(dz), static_cast<T*>(y), span, columns, activation, sums, dots);
  });
}

void gradient(ElementType type, const void* grad, const void* x, void* dx, Span span, const Columns& columns,
              bool rectified) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    const bool has_slopes = columns.slope != nullptr;
    const auto run = rectified ? (has_slopes ? gradient_span<true, true, T> : gradient_span<true, false, T>)
                               : (has_slopes ? gradient_span<false, true, T> : gradient_span<false, false, T>);
    run(static_cast<const T*>(grad), static_cast<const T*>(x), static_cast<T*>(dx), span, columns);
  });
}

}  // namespace

const BatchNormKernels batch_norm_kernels = {moments, normalize, reduce, gradient};

}  // namespace PEA_CAPABILITY
}  // namespace pea
