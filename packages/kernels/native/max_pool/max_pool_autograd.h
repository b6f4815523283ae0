// The derivative of pea::max_pool2d on the CPU. Saves the positions alone; double backward is refused.
#pragma once

#include <ATen/core/Tensor.h>

#include "max_pool/max_pool.h"

namespace pea {

at::Tensor max_pool_autograd(const at::Tensor& x, const MaxPoolWindow& window);

}  // namespace pea
