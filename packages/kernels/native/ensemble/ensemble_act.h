// The operators on tensors: checks, memory order, threads.
//
//   pea::ensemble_act(x, smooth, mode, alpha, seed, site, step, beta, bound, masks) -> y    y = f(x), shape, dtype, strides of x
//   pea::ensemble_act_backward(grad, x, smooth, mode, …) -> grad · f'(x)                    the same
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "ensemble/ensemble_options.h"
#include "tensor/optional.h"

namespace pea {

// What the operators take after the tensors.
struct EnsembleArguments {
  std::string smooth, mode;
  double alpha;
  int64_t seed, site, step;
  double beta;
  OptionalDouble bound;  // where ReLU is cut off
  std::string masks;     // what shares a draw: element, channel (of an image), sample
};

// For an x whose elements are walked in this memory format, where masks are for channels or samples: its first dimensions,
// of which missing ones count 1. Throws for an unknown smooth activation, mode or kind of masks, an alpha outside [0, 1], a
// beta or bound that is not above 0, and a dtype without kernel.
EnsembleOptions ensemble_options(const at::Tensor& x, at::MemoryFormat format, const EnsembleArguments& arguments);

// The same for pea::ensemble_act, which throws for such masks where x is neither contiguous nor channels_last.
EnsembleOptions ensemble_act_options(const at::Tensor& x, const EnsembleArguments& arguments);

// What runs at alpha = 1: ReLU, cut off where the options say so.
at::Tensor relu_of(const at::Tensor& x, const EnsembleOptions& options);

at::Tensor ensemble_act_cpu(const at::Tensor& x, const EnsembleArguments& arguments);
at::Tensor ensemble_act_backward_cpu(const at::Tensor& grad, const at::Tensor& x, const EnsembleArguments& arguments);

// Shapes only.
at::Tensor ensemble_act_meta(const at::Tensor& x, const EnsembleArguments& arguments);
at::Tensor ensemble_act_backward_meta(const at::Tensor& grad, const at::Tensor& x, const EnsembleArguments& arguments);

}  // namespace pea
