#pragma once

#include <ATen/ATen.h>

#include <tuple>

namespace pea {

// Least and greatest of min(max(x, min), max), which x becomes, in one pass; without bounds x stays. NaN stays NaN, and is both
// extremes then; of no elements they are ∞ and -∞. x is float32 in memory without gaps.
std::tuple<double, double> clamp_extremes_(const at::Tensor& x, c10::optional<double> min, c10::optional<double> max);

}  // namespace pea
