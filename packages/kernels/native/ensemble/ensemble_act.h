// The operators on tensors: checks, memory order, threads.
//
//   pea::ensemble_act(x, smooth, mode, alpha, seed, site, step, beta) -> y      y = f(x), shape, dtype, strides of x
//   pea::ensemble_act_backward(grad, x, smooth, mode, …) -> grad · f'(x)        the same
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "ensemble/ensemble_options.h"

namespace pea {

// Throws for an unknown smooth activation or mode, an alpha outside [0, 1], a beta that is not above 0, or a dtype
// without kernel.
EnsembleOptions ensemble_options(const at::Tensor& x, const std::string& smooth, const std::string& mode, double alpha,
                                 int64_t seed, int64_t site, int64_t step, double beta);

at::Tensor ensemble_act_cpu(const at::Tensor& x, const std::string& smooth, const std::string& mode, double alpha,
                            int64_t seed, int64_t site, int64_t step, double beta);
at::Tensor ensemble_act_backward_cpu(const at::Tensor& grad, const at::Tensor& x, const std::string& smooth,
                                     const std::string& mode, double alpha, int64_t seed,
                                     int64_t site, int64_t step, double beta);

// Shapes only.
at::Tensor ensemble_act_meta(const at::Tensor& x, const std::string& smooth, const std::string& mode, double alpha,
                             int64_t seed, int64_t site, int64_t step, double beta);
at::Tensor ensemble_act_backward_meta(const at::Tensor& grad, const at::Tensor& x, const std::string& smooth,
                                      const std::string& mode, double alpha, int64_t seed,
                                      int64_t site, int64_t step, double beta);

}  // namespace pea
