#include "batch_norm/gradient_on_load.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "batch_norm/channel_partition.h"
#include "tensor/dtype.h"

namespace pea {

GradientOnLoad::GradientOnLoad(const DeferredGradient& deferred)
    : deferred_(deferred), columns_(deferred.channels, deferred.x) {}

void GradientOnLoad::apply(Span span, void* to) const {
  batch_norm_kernels().gradient(element_type(deferred_.x, "deferred gradient"), deferred_.g.data_ptr(),
                                deferred_.x.data_ptr(), to, span, columns_.columns(), /*rectified=*/false);
}

at::Tensor apply_deferred_gradient(const DeferredGradient& deferred) {
  const at::Tensor& dx = deferred.g;
  const GradientOnLoad gradient(deferred);
  auto* const to = static_cast<char*>(dx.data_ptr());
  const ChannelPartition partition(dx);
  at::parallel_for(0, partition.parts(), 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      const Span span = partition.span(part, 0);
      gradient.apply(span, to + span.first * dx.element_size());
    }
  });
  return dx;
}

}  // namespace pea
