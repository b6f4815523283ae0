// The loops of pea::pointwise and pea::stem over memory; free of libtorch for the reason in ensemble_kernel.h. A 1×1
// convolution is a product of matrices: its rows are pixels, in channels_last, its columns channels. One of larger windows is, too, and a
// window's row of pixels is a segment of the product's row.
#pragma once

#include <cstdint>

#include "simd/cpu_capability.h"
#include "simd/element_type.h"

namespace pea {

// What the numbers of channels are multiples of.
constexpr int64_t kPointwiseChannels = 8;

// Columns of a matrix that lie together. Column c of row r of [rows, columns] stands at
// (c / kPanelColumns) · kPanelColumns · rows + r · (columns of the panel) + c % kPanelColumns; all panels but the last have
// kPanelColumns columns.
// Panels of bfloat16 have two rows as one of pairs where the processor multiplies pairs (simd/product.h).
constexpr int64_t kPanelColumns = 64;

// The left matrix of a product whose depth comes in segments: they begin at the starts, in elements behind it, and have the length.
// Rows are a stride apart, and each has all segments, of neighbours; or, transposed, neighbours are of a segment's row, and
// its rows, as many as the length, are a stride apart.
struct Segments {
  const int64_t* starts;
  int64_t count, length, stride;

  // Rows of the other matrix that a segment of neighbours takes, the last of which is 0 where the length is odd: pairs of bfloat16
  // do not reach into another segment.
  int64_t depth() const { return (length + 1) / 2 * 2; }
};

// Types are those of a and b; bfloat16 is summed in float32.
struct PointwiseKernels {
  // Brings the matrix b [depth, columns], whose element (d, c) stands at b[d · depth_stride + c · column_stride], into panels of
  // the type. b is of the type of the arithmetic.
  void (*pack)(ElementType type, const void* b, int64_t depth, int64_t columns, int64_t depth_stride,
               int64_t column_stride, void* panels);

  // c [rows, columns] = a [rows, depth] b + bias, with b in panels; bias [columns], of the type of the arithmetic, may be null.
  void (*multiply)(ElementType type, const void* a, const void* panels, const void* bias, void* c, int64_t rows,
                   int64_t depth, int64_t columns);

  // c [rows, columns] += aᵀ b of a [depth, rows] and b [depth, columns]; c is of the type of the arithmetic.
  void (*multiply_transposed)(ElementType type, const void* a, const void* b, void* c, int64_t rows, int64_t depth,
                              int64_t columns);

  // As multiply, of segments and b [count · depth() of the segments, columns].
  void (*multiply_segments)(ElementType type, const void* a, const Segments& segments, const void* panels,
                            const void* bias, void* c, int64_t rows, int64_t columns);

  // As multiply_transposed, of segments and b [count · length of the segments, columns].
  void (*multiply_segments_transposed)(ElementType type, const void* a, const Segments& segments, const void* b, void* c,
                                       int64_t rows, int64_t columns);
};

PEA_KERNELS(PointwiseKernels, pointwise_kernels)

}  // namespace pea
