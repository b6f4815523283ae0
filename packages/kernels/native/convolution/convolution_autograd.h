// The derivative of this library's convolutions on the CPU. Saves x and the weight, as libtorch's convolutions do,
// and what a deferred x is computed of; double backward is refused.
#pragma once

#include "convolution/convolution.h"

namespace pea {

at::Tensor convolution_autograd(const ConvolutionOperator& convolution, const ConvolutionInput& input,
                                const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps);

// Under autocast: in bfloat16 where the operator takes it, else libtorch's own convolution, of what that is cast to.
at::Tensor convolution_autocast(const ConvolutionOperator& convolution, const ConvolutionInput& input,
                                const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps);

}  // namespace pea
