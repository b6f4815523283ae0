// Batch normalization, residual and activation in one: y = act(batch_norm(x) [+ residual]). Checks, layouts, threads.
//
// Forward is one pass for the statistics and one that normalizes and activates; backward is one reduction and one pass
// that writes the gradient, in the memory of the one that arrives where nobody else has it; the pre-activation is computed
// anew. Nothing of x's size is kept but x itself.
#pragma once

#include <ATen/core/Tensor.h>

#include "batch_norm/activation_on_load.h"
#include "batch_norm/batch_norm_kernel.h"
#include "batch_norm/moments.h"
#include "ensemble/ensemble_act.h"

namespace pea {

struct BatchNormSettings {
  bool training;  // the batch's statistics rather than the running ones
  double momentum, eps;
  ActivationOptions activation;
};

// The smooth activation is that of an ensemble, or identity, which ignores the rest, or relu, which ignores all but the
// bound. Throws for unknown names, an alpha outside [0, 1] and a beta or bound that is not above 0.
ActivationOptions activation_options(const at::Tensor& x, const EnsembleArguments& arguments);

// Tensors that may be absent are undefined ones.
struct BatchNormInputs {
  at::Tensor x;         // [N, C, …]; float32, bfloat16 or float64
  at::Tensor residual;  // as x, or absent
  at::Tensor weight, bias;  // [C]; float64 for x of float64, else float32
  const Moments* moments = nullptr;  // of x, where they are known
};

struct BatchNormStatistics {
  at::Tensor mean, inverse_deviation;  // [C], float64
};

struct BatchNormOutput {
  at::Tensor y;
  BatchNormStatistics statistics;
};

struct BatchNormGradients {
  at::Tensor x, residual, weight, bias;
};

// Throws ValueError for inputs that do not fit, and, as PyTorch's layer does, in training for one value per channel.
// In training the running statistics, if any, are updated: the variance is the unbiased one. An empty batch leaves
// them as they are.
BatchNormOutput batch_norm_act_forward(const BatchNormInputs& inputs, const at::Tensor& running_mean,
                                       const at::Tensor& running_var, const BatchNormSettings& settings);

// is_free: nobody else has the gradient, whose memory may be that of a result.
BatchNormGradients batch_norm_act_backward(const at::Tensor& grad, const BatchNormInputs& inputs,
                                           const BatchNormStatistics& statistics, const BatchNormSettings& settings,
                                           bool is_free);

// What follows of the sums that a reader of the deferred result took (gradient_on_store.h).
struct BatchNormReduced {
  at::Tensor channels;  // of x's gradient: see DeferredGradient
  at::Tensor weight, bias;
};

// sums: [2, C], float64
BatchNormReduced batch_norm_act_reduced(const at::Tensor& sums, const BatchNormInputs& inputs,
                                        const BatchNormStatistics& statistics, const BatchNormSettings& settings);

// The statistics alone: what follows from them is left to whoever reads the result (activation_on_load.h).
struct DeferredStatistics {
  at::Tensor normalization;  // [3, C], float64: center, scale and shift as in batch_norm_kernel.h
  BatchNormStatistics statistics;
};

// As batch_norm_act_forward for an x in channels_last that has elements, and no residual.
DeferredStatistics batch_norm_act_deferred(const BatchNormInputs& inputs, const at::Tensor& running_mean,
                                             const at::Tensor& running_var, const BatchNormSettings& settings);

// The result, for readers that cannot compute it while they load: bit for bit that of batch_norm_act_forward.
at::Tensor apply_deferred(const DeferredActivation& deferred);

}  // namespace pea
