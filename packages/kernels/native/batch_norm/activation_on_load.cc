#include "batch_norm/activation_on_load.h"

#include <ATen/ATen.h>

#include "batch_norm/channel_partition.h"
#include "tensor/dtype.h"

namespace pea {
namespace {

void check(const DeferredActivation& deferred) {
  const at::Tensor &x = deferred.x, &normalization = deferred.normalization;
  TORCH_CHECK_VALUE(x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast),
                    "deferred activation: x must be [N, C, H, W] in channels_last");
  TORCH_CHECK_VALUE(normalization.sizes() == at::IntArrayRef({3, x.size(1)}) && normalization.scalar_type() == at::kDouble,
                    "deferred activation: normalization must be float64 [3, ", x.size(1), "], not ",
                    normalization.scalar_type(), " ", normalization.sizes());
}

// The normalization for every column of a row, in the type of the arithmetic.
at::Tensor columns_of(const DeferredActivation& deferred) {
  check(deferred);
  const at::ScalarType dtype = deferred.x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const int64_t pixels = ChannelPartition(deferred.x).width() / deferred.x.size(1);
  return deferred.normalization.to(dtype).repeat({1, pixels});
}

}  // namespace

ActivationKind deferred_activation_kind(const std::string& name) {
  TORCH_CHECK_VALUE(name == "identity" || name == "relu", "deferred activation: must be identity or relu, not \"", name,
                    "\"");
  return name == "relu" ? ActivationKind::kRelu : ActivationKind::kIdentity;
}

ActivationOnLoad::ActivationOnLoad(const DeferredActivation& deferred)
    : deferred_(deferred), columns_(columns_of(deferred)) {}

void ActivationOnLoad::apply(Span span, void* to) const {
  const int64_t width = columns_.size(1), row_bytes = width * columns_.element_size();
  const auto* const center = static_cast<const char*>(columns_.data_ptr());
  const Columns columns{width, center, center + row_bytes, center + 2 * row_bytes, nullptr, nullptr};
  batch_norm_kernels().normalize(element_type(deferred_.x, "deferred activation"), deferred_.x.data_ptr(),
                                 /*residual=*/nullptr, to, span, columns, {deferred_.activation, {}});
}

}  // namespace pea
