// Arguments that may be absent. Tensors are nullopt then in operators' arguments and for autograd's Function::apply,
// undefined everywhere else.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

namespace pea {

using OptionalTensor = c10::optional<at::Tensor>;
using OptionalDouble = c10::optional<double>;

inline OptionalTensor optional(const at::Tensor& tensor) {
  return tensor.defined() ? OptionalTensor(tensor) : c10::nullopt;
}

inline at::Tensor or_undefined(const OptionalTensor& tensor) { return tensor.value_or(at::Tensor()); }

}  // namespace pea
