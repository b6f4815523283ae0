// pea::conv3x3 on tensors, without autograd.
#pragma once

#include "convolution/convolution.h"

namespace pea {

// 3×3 convolution of stride 1 and padding 1, float32: images [N, C, H, W], weight [K, C, 3, 3], bias [K]; C and K are
// multiples of 16. The weight's gradient is in channels_last.
extern const ConvolutionOperator conv3x3;

}  // namespace pea
