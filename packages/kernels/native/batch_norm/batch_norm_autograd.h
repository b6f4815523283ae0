// The derivative of pea::batch_norm_act on the CPU. Saves x, the residual and the statistics; double backward is
// refused.
#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

#include "batch_norm/batch_norm_act.h"

namespace pea {

at::Tensor batch_norm_act_autograd(const BatchNormInputs& inputs, const at::Tensor& running_mean,
                                   const at::Tensor& running_var, const BatchNormSettings& settings);

// x, whose gradient is to be that of the result, and the normalization.
std::tuple<at::Tensor, at::Tensor> batch_norm_act_deferred_autograd(const BatchNormInputs& inputs,
                                                                    const at::Tensor& running_mean,
                                                                    const at::Tensor& running_var,
                                                                    const BatchNormSettings& settings);

at::Tensor apply_deferred_autograd(const DeferredActivation& deferred);

}  // namespace pea
