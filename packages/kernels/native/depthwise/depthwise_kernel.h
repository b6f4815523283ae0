// The loops of pea::depthwise over memory; free of libtorch for the reason in ensemble_kernel.h.
//
//   y[i, j, c] = bias[c] + Σ w[k, l, c] · x[stride · i + k - top, stride · j + l - left, c]    over k, l = 0 … window - 1
//
// Images are in channels_last and weights [window, window, channels]. A kernel computes one row, of the rows that it is a
// sum of: one for each k, null where it would lie outside the image. What is outside is left out rather than taken as 0, so
// that weights that are not finite do no harm there.
#pragma once

#include <cstdint>

#include "simd/cpu_capability.h"
#include "simd/element_type.h"

namespace pea {

// What the number of channels is a multiple of.
constexpr int64_t kDepthwiseChannels = 8;

constexpr int64_t kMostDepthwiseRows = 5;

struct DepthwiseShape {
  int64_t height, width, channels;  // of an image of x
  int64_t window;                   // rows and columns of a window: 3 or 5
  int64_t stride;                   // 1 or 2
  // Rows and columns of the first window before the image: window / 2 or, by a stride of 2, one less.
  int64_t top, left;

  int64_t output_height() const { return (height - 1) / stride + 1; }
  int64_t output_width() const { return (width - 1) / stride + 1; }
};

// As many rows as a window has, by the row k of the weights that meets them.
struct DepthwiseRows {
  const void* of[kMostDepthwiseRows];
};

// Types are those of images; weights, bias and the weights' gradient are of the type of the arithmetic.
struct DepthwiseKernels {
  // A row of y, of rows of x. bias may be null.
  void (*forward)(ElementType type, const DepthwiseShape& shape, const DepthwiseRows& x, const void* w,
                  const void* bias, void* y);

  // A row of the gradient of x, of rows of that of y.
  void (*input_gradient)(ElementType type, const DepthwiseShape& shape, const DepthwiseRows& dy, const void* w,
                         void* dx);

  // dw += what one row of x contributes, with the rows of the gradient of y as input_gradient takes them.
  void (*weight_gradient)(ElementType type, const DepthwiseShape& shape, const DepthwiseRows& dy, const void* x,
                          void* dw);
};

PEA_KERNELS(DepthwiseKernels, depthwise_kernels)

}  // namespace pea
