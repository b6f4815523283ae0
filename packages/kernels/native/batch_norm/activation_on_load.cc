#include "batch_norm/activation_on_load.h"

#include <ATen/ATen.h>

#include "tensor/dtype.h"

namespace pea {

ActivationOnLoad::ActivationOnLoad(const DeferredActivation& deferred)
    : deferred_(deferred), columns_(deferred.normalization, deferred.x) {}

void ActivationOnLoad::apply(Span span, void* to) const {
  batch_norm_kernels().normalize(element_type(deferred_.x, "deferred activation"), deferred_.x.data_ptr(),
                                 /*residual=*/nullptr, to, span, columns_.columns(), deferred_.activation);
}

}  // namespace pea
