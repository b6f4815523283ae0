// The loops of pea::pointwise over memory; free of libtorch for the reason in ensemble_kernel.h. A 1×1 convolution is a product
// of matrices: its rows are pixels, in channels_last, its columns channels.
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
};

PEA_KERNELS(PointwiseKernels, pointwise_kernels)

}  // namespace pea
