// What a batch norm and ReLU behind it, or nothing, make of x, for operators that compute it while they load x: it is neither
// written nor kept. Ensembles are not among them: to compute them again in the backward pass costs more than memory does.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "batch_norm/batch_norm_kernel.h"

namespace pea {

struct DeferredActivation {
  at::Tensor x;              // [N, C, H, W] in channels_last
  at::Tensor normalization;  // [3, C], float64: center, scale and shift as in batch_norm_kernel.h
  ActivationKind activation;
};

// "identity" or "relu"; throws for others.
ActivationKind deferred_activation_kind(const std::string& name);

class ActivationOnLoad {
 public:
  explicit ActivationOnLoad(const DeferredActivation& deferred);

  // Computes the elements of a span of x, whose first is of channel 0.
  void apply(Span span, void* to) const;

 private:
  DeferredActivation deferred_;
  at::Tensor columns_;
};

}  // namespace pea
