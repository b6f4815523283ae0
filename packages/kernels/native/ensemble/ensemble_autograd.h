// The derivative of pea::ensemble_act, for every device that has kernels. Saves x alone; masks are drawn again.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace pea {

at::Tensor ensemble_act_autograd(const at::Tensor& x, const std::string& smooth, const std::string& mode, double alpha,
                                 int64_t seed, int64_t site, int64_t step, double beta);

// Differentiable in form, so that `create_graph` works as far as first derivatives go; using the second derivative
// is an error that says so.
at::Tensor ensemble_act_backward_autograd(const at::Tensor& grad, const at::Tensor& x, const std::string& smooth,
                                          const std::string& mode, double alpha, int64_t seed, int64_t site,
                                          int64_t step, double beta);

}  // namespace pea
