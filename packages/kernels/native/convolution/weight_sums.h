// The gradient of a convolution's weight, as parts of the work sum it: each part in the element's arithmetic, all of
// them together in double.
#pragma once

#include <ATen/core/Tensor.h>

namespace pea {

class WeightSums {
 public:
  // rows × columns of each part, 0 at first; float32 or float64.
  WeightSums(int64_t parts, int64_t rows, int64_t columns, const at::TensorOptions& options);

  void* of_part(int64_t part) const;

  // Σ over the parts, columns × rows, in the shape of the weight.
  at::Tensor summed_transposed(at::IntArrayRef shape) const;

 private:
  at::Tensor sums_;  // [parts, rows, columns]
};

}  // namespace pea
