// Stochastic gradient descent over all parameters in one pass: checks, layouts, threads.
#pragma once

#include <ATen/core/Tensor.h>

#include "sgd/sgd_kernel.h"

namespace pea {

// Moves each parameter along its gradient, in place. The velocities are the momentum's memory, one for each parameter
// and updated in place, or none where momentum is 0. Throws for tensors that do not fit together, and while gradients
// are recorded.
void sgd_step(at::TensorList parameters, at::TensorList gradients, at::TensorList velocities,
              const SgdSettings& settings);

}  // namespace pea
