// The derivative of pea::depthwise3x3 on the CPU. Saves x and the weight, as libtorch's convolutions do; double backward
// is refused.
#pragma once

#include <ATen/core/Tensor.h>

#include "depthwise/depthwise.h"

namespace pea {

at::Tensor depthwise3x3_autograd(const DepthwiseInput& input, const at::Tensor& weight, const at::Tensor& bias,
                                 int64_t stride);

}  // namespace pea
