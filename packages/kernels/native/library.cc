// Registers the operators: loading the shared library is all it takes. Autocast has no rule for them and leaves the
// dtype as it is.
#include <torch/library.h>

#include "ensemble_act.h"
#include "ensemble_autograd.h"

namespace pea {
namespace {

TORCH_LIBRARY(pea, m) {
  m.def(
      "ensemble_act(Tensor x, str smooth, str mode, float alpha, int seed=0, int site=0, int step=0) -> Tensor");
  m.def(
      "ensemble_act_backward(Tensor grad, Tensor x, str smooth, str mode, float alpha, int seed=0, int site=0, "
      "int step=0) -> Tensor");
}

// The dispatcher infers the schema's types from functions that take strings by value.
template <auto kFunction>
at::Tensor with_strings(const at::Tensor& x, std::string smooth, std::string mode, double alpha, int64_t seed,
                        int64_t site, int64_t step) {
  return kFunction(x, smooth, mode, alpha, seed, site, step);
}

template <auto kFunction>
at::Tensor with_strings_backward(const at::Tensor& grad, const at::Tensor& x, std::string smooth, std::string mode,
                                 double alpha, int64_t seed, int64_t site, int64_t step) {
  return kFunction(grad, x, smooth, mode, alpha, seed, site, step);
}

TORCH_LIBRARY_IMPL(pea, CPU, m) {
  m.impl("ensemble_act", with_strings<ensemble_act_cpu>);
  m.impl("ensemble_act_backward", with_strings_backward<ensemble_act_backward_cpu>);
}

TORCH_LIBRARY_IMPL(pea, Meta, m) {
  m.impl("ensemble_act", with_strings<ensemble_act_meta>);
  m.impl("ensemble_act_backward", with_strings_backward<ensemble_act_backward_meta>);
}

TORCH_LIBRARY_IMPL(pea, Autograd, m) {
  m.impl("ensemble_act", with_strings<ensemble_act_autograd>);
  m.impl("ensemble_act_backward", with_strings_backward<ensemble_act_backward_autograd>);
}

}  // namespace
}  // namespace pea
