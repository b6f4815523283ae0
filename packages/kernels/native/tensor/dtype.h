// The dtypes that have kernels.
#pragma once

#include <ATen/core/Tensor.h>

#include "simd/element_type.h"

namespace pea {

// Throws for a dtype without kernel, naming the operator.
inline ElementType element_type(const at::Tensor& x, const char* operator_name) {
  switch (x.scalar_type()) {
    case at::kFloat: return ElementType::kFloat32;
    case at::kBFloat16: return ElementType::kBFloat16;
    case at::kDouble: return ElementType::kFloat64;
    default:
      TORCH_CHECK_TYPE(false, operator_name, ": x must be float32, bfloat16 or float64, not ", x.scalar_type());
  }
}

// What the elements of x are summed in: float64 for float64, else float32.
inline at::ScalarType arithmetic_dtype(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace pea
