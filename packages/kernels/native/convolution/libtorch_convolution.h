// Convolutions by libtorch's own operators, where those of this library do not reach. All tensors are of one dtype, but under autocast.
#pragma once

#include "convolution/convolution.h"

namespace pea {

// A result of ⌈H / stride⌉ × ⌈W / stride⌉ pixels where nothing is dilated, in as many groups as the channels make. bias may be
// undefined.
at::Tensor libtorch_convolution(const at::Tensor& images, const at::Tensor& weight, const at::Tensor& bias,
                                const WindowSteps& steps);

// Of the gradient of such a result, without autograd: the wanted gradients of images and weight.
ConvolutionGradients libtorch_convolution_gradients(const at::Tensor& dy, const at::Tensor& images,
                                                    const at::Tensor& weight, const WindowSteps& steps,
                                                    const WantedGradients& wanted);

}  // namespace pea
