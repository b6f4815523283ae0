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

template <typename F>
void pack_matrix(const F* b, int64_t depth, int64_t columns, int64_t depth_stride, int64_t column_stride, F* panels) {
  for_each_panel(columns, [&](int64_t first, int64_t width) {
    F* to = panels + first * depth;
    for (int64_t d = 0; d < depth; ++d) {
      const F* const from = b + d * depth_stride + first * column_stride;
      for (int64_t c = 0; c < width; ++c) to[c] = from[c * column_stride];
      to += width;
    }
  });
}

template <typename F>
void multiply_panels(const F* a, const F* panels, const F* bias, F* c, int64_t rows, int64_t depth, int64_t columns) {
  for_each_panel(columns, [&](int64_t first, int64_t width) {
    multiply_matrices<false, false>(
        Product<F>{a, depth, panels + first * depth, width, c + first, columns, rows, depth, width});
  });
  if (bias == nullptr) return;
  for (int64_t row = 0; row < rows; ++row) {
#pragma omp simd
    for (int64_t column = 0; column < columns; ++column) c[row * columns + column] += bias[column];
  }
}

template <typename F>
void accumulate(const F* a, const F* b, F* c, int64_t rows, int64_t depth, int64_t columns) {
  multiply_matrices<true, true>(Product<F>{a, rows, b, columns, c, columns, rows, depth, columns});
}

// Calls body with a value of the type that is named.
template <typename Body>
PEA_INLINE void with_float(ElementType type, const Body& body) {
  if (type == ElementType::kFloat64) body(double());
  else body(float());
}

void pack(ElementType type, const void* b, int64_t depth, int64_t columns, int64_t depth_stride, int64_t column_stride,
          void* panels) {
  with_float(type, [&](auto element) {
    using F = decltype(element);
    pack_matrix(static_cast<const F*>(b), depth, columns, depth_stride, column_stride, static_cast<F*>(panels));
  });
}

void multiply(ElementType type, const void* a, const void* panels, const void* bias, void* c, int64_t rows,
              int64_t depth, int64_t columns) {
  with_float(type, [&](auto element) {
    using F = decltype(element);
    multiply_panels(static_cast<const F*>(a), static_cast<const F*>(panels), static_cast<const F*>(bias),
                    static_cast<F*>(c), rows, depth, columns);
  });
}

void multiply_transposed(ElementType type, const void* a, const void* b, void* c, int64_t rows, int64_t depth,
                         int64_t columns) {
  with_float(type, [&](auto element) {
    using F = decltype(element);
    accumulate(static_cast<const F*>(a), static_cast<const F*>(b), static_cast<F*>(c), rows, depth, columns);
  });
}

}  // namespace

const PointwiseKernels pointwise_kernels = {pack, multiply, multiply_transposed};

}  // namespace PEA_CAPABILITY
}  // namespace pea
