// What the kernels of batch norm take of each channel, for every column of the rows of a tensor in channels_last.
#pragma once

#include <ATen/core/Tensor.h>

#include "batch_norm/batch_norm_kernel.h"

namespace pea {

class ChannelColumns {
 public:
  // channels: float64 [3, C], center, scale and shift; or [5, C], slope and offset as well. For x [N, C, H, W].
  ChannelColumns(const at::Tensor& channels, const at::Tensor& x);

  Columns columns() const;

 private:
  at::Tensor columns_;
};

}  // namespace pea
