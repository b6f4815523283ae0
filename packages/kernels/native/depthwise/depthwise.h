// pea::depthwise3x3 on tensors, without autograd.
#pragma once

#include "convolution/convolution.h"

namespace pea {

// Depthwise 3×3 convolution with padding 1 and a stride of 1 or 2: images [N, C, H, W], weight [C, 1, 3, 3], bias [C], all
// float32 or all float64; C is a multiple of 8. The result is [N, C, ⌈H / stride⌉, ⌈W / stride⌉].
extern const ConvolutionOperator depthwise3x3;

}  // namespace pea
