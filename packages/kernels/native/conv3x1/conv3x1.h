// pea::conv3x1 on tensors, without autograd.
#pragma once

#include "convolution/convolution.h"

namespace pea {

// 3×1 or 1×3 convolution of stride 1, padded by its dilation along the window, float32: images [N, C, H, W], weight
// [K, C, 3, 1] or [K, C, 1, 3], bias [K]; C and K are multiples of 16. The weight's gradient is in
// channels_last.
extern const ConvolutionOperator conv3x1;

}  // namespace pea
