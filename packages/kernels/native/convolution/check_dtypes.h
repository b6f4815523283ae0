// The dtypes that convolutions take.
#pragma once

#include "tensor/dtype.h"

namespace pea {

// Weight and bias are of the dtype of the arithmetic. bias may be undefined.
inline void check_dtypes(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const char* operator_name) {
  element_type(x, operator_name);
  const at::ScalarType dtype = arithmetic_dtype(x);
  TORCH_CHECK_TYPE(weight.scalar_type() == dtype, operator_name, ": weight must be ", dtype, " for x of ",
                   x.scalar_type(), ", not ", weight.scalar_type());
  TORCH_CHECK_TYPE(!bias.defined() || bias.scalar_type() == dtype, operator_name, ": bias must be ", dtype,
                   " for x of ", x.scalar_type(), ", not ", bias.scalar_type());
}

}  // namespace pea
