// What a batch norm and the activation behind it, or none, make of x, for operators that compute it while they load x:
// it is neither written nor kept.
#pragma once

#include <ATen/core/Tensor.h>

#include "batch_norm/channel_columns.h"

namespace pea {

struct DeferredActivation {
  at::Tensor x;              // [N, C, H, W] in channels_last
  at::Tensor normalization;  // [3, C], float64: center, scale and shift as in batch_norm_kernel.h
  ActivationOptions activation;
};

class ActivationOnLoad {
 public:
  explicit ActivationOnLoad(const DeferredActivation& deferred);

  // Computes the elements of a span of x, whose first is of channel 0.
  void apply(Span span, void* to) const;

 private:
  DeferredActivation deferred_;
  ChannelColumns columns_;
};

}  // namespace pea
