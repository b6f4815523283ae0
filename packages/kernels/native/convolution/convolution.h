// What the convolutions of this library take and give, without autograd.
#pragma once

#include <ATen/core/Tensor.h>

#include "batch_norm/activation_on_load.h"
#include "batch_norm/gradient_on_load.h"
#include "batch_norm/moments.h"

namespace pea {

// The images that are convolved: x, or what a batch norm and its activation make of it (activation_on_load.h).
struct ConvolutionInput {
  at::Tensor x;              // [N, C, H, W]
  at::Tensor normalization;  // undefined: x as it is
  ActivationOptions activation = {ActivationKind::kIdentity, {}};
};

// The gradient of a result: dy, or one that is computed while it is loaded.
struct ResultGradient {
  at::Tensor dy;
  DeferredGradient deferred;  // where dy is undefined
};

struct WantedGradients {
  bool images, weight;
  bool bias = false;  // of operators that give it
  // The images' gradient is to be taken on to the normalized values (gradient_on_store.h).
  bool normalized = false;
};

struct ConvolutionGradients {
  at::Tensor images;  // in channels_last
  at::Tensor weight;  // in the shape of the weight
  at::Tensor sums;    // of the normalized values' gradients
  at::Tensor bias = {};
};

// How windows lie on an image: their steps, those inside of them, and the rows and columns of the first one before it.
struct WindowSteps {
  int64_t stride, dilation, top, left;
};

// One kind of convolution; its weight and steps are as its own header says. Images are of float32, float64 or, with
// float32 weights, of bfloat16.
struct ConvolutionOperator {
  const char* name;
  // All but the stem take deferred inputs, and give the gradients of normalized values. Whether it takes deferred gradients
  // and gives moments, too.
  bool takes_sums_along;
  bool takes_bfloat16;
  // Whether it gives the bias' gradient, which autograd sums elsewhere.
  bool gives_bias;

  // bias may be undefined. The result is in channels_last. moments: null, or where to put those of the result.
  at::Tensor (*forward)(const ConvolutionInput& input, const at::Tensor& weight, const at::Tensor& bias,
                        const WindowSteps& steps, Moments* moments);

  // The gradients that are not wanted are undefined.
  ConvolutionGradients (*backward)(const ResultGradient& grad, const ConvolutionInput& input, const at::Tensor& weight,
                                   const WindowSteps& steps, const WantedGradients& wanted);
};

}  // namespace pea
