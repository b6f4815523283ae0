// The derivative of pea::batch_norm_act on the CPU. Saves x, the residual and the statistics; double backward is refused.
#pragma once

#include <ATen/core/Tensor.h>

#include "batch_norm/batch_norm_act.h"

namespace pea {

at::Tensor batch_norm_act_autograd(const BatchNormInputs& inputs, const at::Tensor& running_mean,
                                   const at::Tensor& running_var, const BatchNormSettings& settings);

}  // namespace pea
