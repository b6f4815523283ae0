#pragma once

#include <ATen/ATen.h>

namespace pea {

// (images - offset) / scale with a value of each per channel, in one pass: uint8 [B, C, H, W] in any memory order to
// float32 in channels_last.
at::Tensor standardize(const at::Tensor& images, at::ArrayRef<double> offset, at::ArrayRef<double> scale);

}  // namespace pea
