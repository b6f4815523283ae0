// The gradient of a batch norm's input, for operators that compute it while they load the gradient of the normalized
// values.
#pragma once

#include "batch_norm/channel_columns.h"

namespace pea {

struct DeferredGradient {
  at::Tensor g, x;      // [N, C, H, W] in channels_last
  at::Tensor channels;  // [5, C], float64: center, scale, shift, slope and offset as in batch_norm_kernel.h
};

class GradientOnLoad {
 public:
  explicit GradientOnLoad(const DeferredGradient& deferred);

  // Computes the elements of a span of x's gradient, whose first is of channel 0.
  void apply(Span span, void* to) const;

 private:
  DeferredGradient deferred_;
  ChannelColumns columns_;
};

// All of it, in the memory of g.
at::Tensor apply_deferred_gradient(const DeferredGradient& deferred);

}  // namespace pea
