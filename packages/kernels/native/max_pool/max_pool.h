// Max pooling of [N, C, H, W] that keeps a byte for each output, its greatest element's position in the window, where
// libtorch's keeps the input and 64-bit indices. Checks, layouts, threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>

namespace pea {

// Of rows and columns.
using PoolPair = std::array<int64_t, 2>;

struct MaxPoolWindow {
  PoolPair size, stride, padding, dilation;
};

// One number stands for both axes; an empty stride is the window's size. Throws ValueError for what no pooling has, and
// for windows of more than 256 elements.
MaxPoolWindow max_pool_window(at::IntArrayRef size, at::IntArrayRef stride, at::IntArrayRef padding,
                              at::IntArrayRef dilation);

struct MaxPoolOutput {
  at::Tensor y;
  at::Tensor positions;  // uint8, in y's shape and order; undefined if not asked for
};

// Values and ties as libtorch: the first of equal elements, the last NaN. Throws ValueError for an input that does not
// fit.
MaxPoolOutput max_pool_forward(const at::Tensor& x, const MaxPoolWindow& window, bool with_positions);

// The gradient of x, whose sizes are given, in the memory order of the positions.
at::Tensor max_pool_backward(const at::Tensor& grad, const at::Tensor& positions, at::IntArrayRef sizes,
                             at::MemoryFormat format, const MaxPoolWindow& window);

}  // namespace pea
