// What the convolutions of this library take and give, without autograd.
#pragma once

#include <ATen/core/Tensor.h>

#include "batch_norm/activation_on_load.h"

namespace pea {

// The images that are convolved: x, or what a batch norm and its activation make of it (activation_on_load.h).
struct ConvolutionInput {
  at::Tensor x;              // [N, C, H, W]
  at::Tensor normalization;  // undefined: x as it is
  ActivationKind activation = ActivationKind::kIdentity;
};

struct ConvolutionGradients {
  at::Tensor images;  // in channels_last
  at::Tensor weight;  // in the shape of the weight
};

// One kind of convolution; its weight and stride are as its own header says.
struct ConvolutionOperator {
  const char* name;

  // bias may be undefined. The result is in channels_last.
  at::Tensor (*forward)(const ConvolutionInput& input, const at::Tensor& weight, const at::Tensor& bias, int64_t stride);

  // For `grad` of the result; the gradients that are not wanted are undefined.
  ConvolutionGradients (*backward)(const at::Tensor& grad, const ConvolutionInput& input, const at::Tensor& weight,
                                   int64_t stride, bool wants_images, bool wants_weight);
};

}  // namespace pea
