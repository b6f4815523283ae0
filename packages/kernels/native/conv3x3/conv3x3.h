// pea::conv3x3 on tensors, without autograd.
#pragma once

#include <ATen/core/Tensor.h>

namespace pea {

// 3×3 convolution of stride 1 and padding 1, float32: x [N, C, H, W], weight [K, C, 3, 3], bias [K] or undefined; C and K
// are multiples of 16. The result is [N, K, H, W] in channels_last.
at::Tensor conv3x3_forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// The gradients of x [N, C, H, W] and of weight [K, C, 3, 3], in channels_last, for `grad` [N, K, H, W] of the result.
at::Tensor conv3x3_input_gradient(const at::Tensor& grad, const at::Tensor& weight);
at::Tensor conv3x3_weight_gradient(const at::Tensor& grad, const at::Tensor& x);

}  // namespace pea
