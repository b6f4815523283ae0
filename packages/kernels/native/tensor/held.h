// What functions of autograd keep from forward to backward besides tensors.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

namespace pea {

// What a function's context holds under a name; null where it holds nothing.
template <typename T>
c10::intrusive_ptr<T> held(const torch::autograd::AutogradContext& context, const char* name) {
  const auto found = context.saved_data.find(name);
  if (found == context.saved_data.end()) return {};
  return c10::static_intrusive_pointer_cast<T>(found->second.toCapsule());
}

}  // namespace pea
