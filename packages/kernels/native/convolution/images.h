// Images as convolutions load them.
#pragma once

#include "convolution/convolution.h"

namespace pea {

// In channels_last: as they lie, or computed while they are loaded.
class Images {
 public:
  explicit Images(const ConvolutionInput& input) : tensor_(channels_last(input.x)) {
    if (input.normalization.defined()) activation_.emplace(deferred(input));
  }
  explicit Images(const ResultGradient& gradient) : tensor_(channels_last(gradient.dy.defined() ? gradient.dy : gradient.deferred.x)) {
    if (!gradient.dy.defined()) gradient_.emplace(gradient.deferred);
  }

  // Of their shape; the images themselves if they are not computed.
  const at::Tensor& tensor() const { return tensor_; }
  bool are_computed() const { return activation_.has_value() || gradient_.has_value(); }

  // The elements of a span, whose first is of channel 0.
  void compute(Span span, void* to) const {
    if (activation_.has_value()) activation_->apply(span, to);
    else gradient_->apply(span, to);
  }

  static at::Tensor channels_last(const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }
  static DeferredActivation deferred(const ConvolutionInput& input) {
    return {channels_last(input.x), input.normalization, input.activation};
  }

 private:
  at::Tensor tensor_;
  c10::optional<ActivationOnLoad> activation_;
  c10::optional<GradientOnLoad> gradient_;
};

}  // namespace pea
