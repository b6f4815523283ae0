#include "batch_norm/channel_columns.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "batch_norm/channel_partition.h"
#include "tensor/dtype.h"

namespace pea {

ChannelColumns::ChannelColumns(const at::Tensor& channels, const at::Tensor& x) {
  TORCH_CHECK_VALUE(x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast),
                    "deferred activation: x must be [N, C, H, W] in channels_last");
  TORCH_CHECK_VALUE(channels.dim() == 2 && (channels.size(0) == 3 || channels.size(0) == 5) &&
                        channels.size(1) == x.size(1) && channels.scalar_type() == at::kDouble,
                    "deferred activation: normalization must be float64 [3, ", x.size(1), "], or [5, ", x.size(1),
                    "] with slopes, not ", channels.scalar_type(), " ", channels.sizes());
  const at::ScalarType dtype = arithmetic_dtype(x);
  const int64_t rows = channels.size(0), count = channels.size(1), pixels = pixels_in_row(count);
  const at::Tensor from = channels.contiguous();
  const double* const values = from.data_ptr<double>();
  columns_ = at::empty({rows, pixels * count}, dtype);
  AT_DISPATCH_FLOATING_TYPES(dtype, "deferred activation", [&] {
    auto* to = columns_.data_ptr<scalar_t>();
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t pixel = 0; pixel < pixels; ++pixel) to = std::copy_n(values + row * count, count, to);
    }
  });
}

Columns ChannelColumns::columns() const {
  const int64_t width = columns_.size(1), row_bytes = width * columns_.element_size();
  const auto* const center = static_cast<const char*>(columns_.data_ptr());
  const bool has_slopes = columns_.size(0) == 5;
  return {width, center, center + row_bytes, center + 2 * row_bytes, has_slopes ? center + 3 * row_bytes : nullptr,
          has_slopes ? center + 4 * row_bytes : nullptr};
}

}  // namespace pea
