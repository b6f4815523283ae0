// pea::depthwise3x3 on tensors, without autograd.
#pragma once

#include <ATen/core/Tensor.h>

#include "batch_norm/activation_on_load.h"

namespace pea {

// The images that are convolved: x, or what a batch norm and its activation make of it (activation_on_load.h).
struct DepthwiseInput {
  at::Tensor x;              // [N, C, H, W]
  at::Tensor normalization;  // undefined: x as it is
  ActivationKind activation = ActivationKind::kIdentity;
};

// Depthwise 3×3 convolution with padding 1 and a stride of 1 or 2: images [N, C, H, W], weight [C, 1, 3, 3], bias [C] or
// undefined, all float32 or all float64; C is a multiple of 8. The result is [N, C, ⌈H / stride⌉, ⌈W / stride⌉] in
// channels_last.
at::Tensor depthwise3x3_forward(const DepthwiseInput& input, const at::Tensor& weight, const at::Tensor& bias,
                                int64_t stride);

struct DepthwiseGradients {
  at::Tensor images;  // in channels_last
  at::Tensor weight;  // [C, 1, 3, 3]
};

// For `grad` of the result; the gradients that are not wanted are undefined.
DepthwiseGradients depthwise3x3_backward(const at::Tensor& grad, const DepthwiseInput& input, const at::Tensor& weight,
                                         int64_t stride, bool wants_images, bool wants_weight);

}  // namespace pea
