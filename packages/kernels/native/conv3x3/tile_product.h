// A 3×3 convolution of images, and its transpose, as products of tiles and weights.
#pragma once

#include <ATen/core/Tensor.h>

namespace pea {

// x, in channels_last, convolved with the weights [K, C, 3, 3]; or, turned, the gradient of x for that of a result. bias may be
// null. The result is in channels_last.
at::Tensor multiply_tiles(const at::Tensor& x, const at::Tensor& weight, bool turned, const float* bias);

// The gradient of the weights, [K, C, 3, 3] in channels_last, for that of the result and the images x, both in channels_last.
at::Tensor multiply_tile_gradients(const at::Tensor& dy, const at::Tensor& x);

}  // namespace pea
