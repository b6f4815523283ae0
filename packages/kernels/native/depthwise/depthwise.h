// pea::depthwise on tensors, without autograd.
#pragma once

#include "convolution/convolution.h"

namespace pea {

// Depthwise convolution of k×k windows, k being 3 or 5, and a stride of 1 or 2: images [N, C, H, W], weight [C, 1, k, k], bias
// [C]; C is a multiple of 8. The result is [N, C, ⌈H / stride⌉, ⌈W / stride⌉]; what that takes of
// zeros is k / 2 before each axis, rounded down, or one less where the stride is 2.
extern const ConvolutionOperator depthwise;

}  // namespace pea
