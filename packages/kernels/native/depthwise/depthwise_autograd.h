// The derivative of pea::depthwise3x3 on the CPU. Saves the input and the weight, as libtorch's convolutions do; double
// backward is refused.
#pragma once

#include <ATen/core/Tensor.h>

namespace pea {

at::Tensor depthwise3x3_autograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride);

}  // namespace pea
