#include "batch_norm/gradient_on_store.h"

#include <ATen/ATen.h>

#include "tensor/dtype.h"

namespace pea {

GradientOnStore::GradientOnStore(const DeferredActivation& deferred, int64_t parts)
    : deferred_(deferred),
      columns_(deferred.normalization, deferred.x),
      parts_(parts),
      width_(columns_.columns().width),
      sums_(parts * width_),
      dots_(parts * width_) {}

void GradientOnStore::apply(int64_t part, Span span, void* gradient, void* activated) {
  batch_norm_kernels().reduce(element_type(deferred_.x, "deferred activation"), gradient, deferred_.x.data_ptr(),
                              /*residual=*/nullptr, gradient, activated, span, columns_.columns(),
                              deferred_.activation, sums_.data() + part * width_, dots_.data() + part * width_);
}

at::Tensor GradientOnStore::sums() const {
  const int64_t channels = deferred_.x.size(1);
  const at::Tensor sums = at::zeros({2, channels}, at::kDouble);
  auto of = sums.accessor<double, 2>();
  for (int64_t i = 0; i < parts_ * width_; ++i) {
    of[0][i % width_ % channels] += sums_[i];
    of[1][i % width_ % channels] += dots_[i];
  }
  return sums;
}

}  // namespace pea
