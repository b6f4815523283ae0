#include "pointwise/pointwise_kernel.h"

#include "simd/elements.h"
#include "simd/product.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Calls body(first column, number of columns) for each panel.
template <typename Body>
PEA_INLINE void for_each_panel(int64_t columns, const Body& body) {
  for (int64_t first = 0; first < columns; first += kPanelColumns) {
    body(first, smaller(kPanelColumns, columns - first));
  }
}

PEA_INLINE void convert(float from, BFloat16& to) { to = to_bfloat16(from); }
template <typename F>
PEA_INLINE void convert(F from, F& to) { to = from; }

template <typename T>
void pack_matrix(const Arithmetic<T>* b, int64_t depth, int64_t columns, int64_t depth_stride, int64_t column_stride,
                 T* panels) {
  constexpr int64_t kStep = sizeof(Packed<T>) / sizeof(T);
  for_each_panel(columns, [&](int64_t first, int64_t width) {
    for (int64_t d = 0; d < depth; ++d) {
      const auto* const from = b + d * depth_stride + first * column_stride;
      T* const to = panels + first * depth + d / kStep * kStep * width + d % kStep;
      for (int64_t c = 0; c < width; ++c) convert(from[c * column_stride], to[c * kStep]);
    }
  });
}

template <typename F>
PEA_INLINE const F* from_column(const F* bias, int64_t first) {
  return bias == nullptr ? nullptr : bias + first;
}

template <typename T>
void multiply_panels(const T* a, const T* panels, const Arithmetic<T>* bias, T* c, int64_t rows, int64_t depth,
                     int64_t columns) {
  for_each_panel(columns, [&](int64_t first, int64_t width) {
    const auto* const panel = reinterpret_cast<const Packed<T>*>(panels + first * depth);
    multiply_matrices<Layout::kRows, false>(Product<T, T, Packed<T>>{a, depth, panel, width, c + first, columns, rows,
                                                                     depth, width, from_column(bias, first)});
  });
}

template <typename T>
void multiply_segments_by_panels(const T* a, const Segments& segments, const T* panels, const Arithmetic<T>* bias, T* c,
                                 int64_t rows, int64_t columns) {
  constexpr int64_t kStep = sizeof(Packed<T>) / sizeof(T);
  const int64_t depth = segments.count * segments.depth();
  for_each_panel(columns, [&](int64_t first, int64_t width) {
    const auto* const panel = reinterpret_cast<const Packed<T>*>(panels + first * depth);
    multiply_matrices<Layout::kRowSegments, false>(Product<T, T, Packed<T>>{
        a, segments.stride, panel, width, c + first, columns, rows, segments.length, width, from_column(bias, first),
        segments.starts, segments.count, segments.depth() / kStep * width});
  });
}

template <typename T>
void accumulate(const T* a, const T* b, Arithmetic<T>* c, int64_t rows, int64_t depth, int64_t columns) {
  multiply_matrices<Layout::kColumns, true>(Product<T>{a, rows, b, columns, c, columns, rows, depth, columns});
}

template <typename T>
void accumulate_segments(const T* a, const Segments& segments, const T* b, Arithmetic<T>* c, int64_t rows, int64_t columns) {
  multiply_matrices<Layout::kColumnSegments, true>(
      Product<T>{a, segments.stride, b, columns, c, columns, rows, segments.length, columns, nullptr, segments.starts,
                 segments.count, segments.length * columns});
}

void pack(ElementType type, const void* b, int64_t depth, int64_t columns, int64_t depth_stride, int64_t column_stride,
          void* panels) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    pack_matrix(static_cast<const Arithmetic<T>*>(b), depth, columns, depth_stride, column_stride,
                static_cast<T*>(panels));
  });
}

void multiply(ElementType type, const void* a, const void* panels, const void* bias, void* c, int64_t rows,
              int64_t depth, int64_t columns) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    multiply_panels(static_cast<const T*>(a), static_cast<const T*>(panels), static_cast<const Arithmetic<T>*>(bias),
                    static_cast<T*>(c), rows, depth, columns);
  });
}

void multiply_segments(ElementType type, const void* a, const Segments& segments, const void* panels,
                       const void* bias, void* c, int64_t rows, int64_t columns) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    multiply_segments_by_panels(static_cast<const T*>(a), segments, static_cast<const T*>(panels),
                                static_cast<const Arithmetic<T>*>(bias), static_cast<T*>(c), rows, columns);
  });
}

void multiply_transposed(ElementType type, const void* a, const void* b, void* c, int64_t rows, int64_t depth,
                         int64_t columns) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    accumulate(static_cast<const T*>(a), static_cast<const T*>(b), static_cast<Arithmetic<T>*>(c), rows, depth, columns);
  });
}

void multiply_segments_transposed(ElementType type, const void* a, const Segments& segments, const void* b, void* c,
                                  int64_t rows, int64_t columns) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    accumulate_segments(static_cast<const T*>(a), segments, static_cast<const T*>(b), static_cast<Arithmetic<T>*>(c), rows,
                        columns);
  });
}

}  // namespace

const PointwiseKernels pointwise_kernels = {pack, multiply, multiply_transposed, multiply_segments,
                                            multiply_segments_transposed};

}  // namespace PEA_CAPABILITY
}  // namespace pea
