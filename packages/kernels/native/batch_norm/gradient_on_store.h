// Batch norm's reduction in the backward pass, for operators that load a deferred activation (activation_on_load.h):
// what they store is the gradient of the normalized values, and its sums are taken along.
#pragma once

#include "batch_norm/activation_on_load.h"
#include "batch_norm/moments.h"

namespace pea {

class GradientOnStore {
 public:
  // Of `parts` that are stored each for itself.
  GradientOnStore(const DeferredActivation& deferred, int64_t parts);

  // Makes a span of the activated values' gradient that of the normalized values', in place: g = grad · act'.
  // `gradient` points to element 0; each part is one thread's at a time. The activated values of the span come along
  // where `activated`, which points to where the first one goes, is not null.
  void apply(int64_t part, Span span, void* gradient, void* activated);

  // [2, C], float64: Σ g and Σ g · d
  at::Tensor sums() const;

 private:
  DeferredActivation deferred_;
  ChannelColumns columns_;
  int64_t parts_, width_;
  Doubles sums_, dots_;  // parts × columns
};

}  // namespace pea
