// The derivative of pea::ensemble_act, for every device that has kernels. Saves x alone; masks are drawn again.
#pragma once

#include "ensemble/ensemble_act.h"

namespace pea {

at::Tensor ensemble_act_autograd(const at::Tensor& x, const EnsembleArguments& arguments);

// Differentiable in form, so that `create_graph` works as far as first derivatives go; using the second derivative
// is an error that says so.
at::Tensor ensemble_act_backward_autograd(const at::Tensor& grad, const at::Tensor& x,
                                          const EnsembleArguments& arguments);

}  // namespace pea
