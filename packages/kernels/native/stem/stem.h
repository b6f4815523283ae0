// pea::stem on tensors, without autograd.
#pragma once

#include "convolution/convolution.h"

namespace pea {

// Convolution of k×k windows, k being 2 to 7, over the 1 to 4 channels of images, of stride 1 or 2: images [N, C, H, W], weight
// [K, C, k, k], bias [K]; K is a multiple of 8. The result is [N, K, ⌈H / stride⌉, ⌈W / stride⌉]; what that takes of zeros is 0 to
// k - 1 before each axis. The images' gradient, and whatever is not finite, are libtorch's.
extern const ConvolutionOperator stem;

}  // namespace pea
