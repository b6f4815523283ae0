// pea::pointwise on tensors, without autograd.
#pragma once

#include "convolution/convolution.h"

namespace pea {

// 1×1 convolution of stride 1: images [N, C, H, W], weight [K, C, 1, 1], bias [K]; C and K are multiples of 8.
extern const ConvolutionOperator pointwise;

}  // namespace pea
