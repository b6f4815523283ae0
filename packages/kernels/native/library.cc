// Registers the operators: loading the shared library is all it takes. Autocast has a rule for convolutions alone and
// leaves the dtype of the others as it is.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "batch_norm/batch_norm_act.h"
#include "batch_norm/batch_norm_autograd.h"
#include "conv3x1/conv3x1.h"
#include "conv3x3/conv3x3.h"
#include "convolution/convolution_autograd.h"
#include "depthwise/depthwise.h"
#include "ensemble/ensemble_act.h"
#include "ensemble/ensemble_autograd.h"
#include "extremes/clamp_extremes.h"
#include "max_pool/max_pool.h"
#include "max_pool/max_pool_autograd.h"
#include "pointwise/pointwise.h"
#include "sgd/sgd_step.h"
#include "simd/cpu_capability.h"
#include "standardize/standardize.h"
#include "stem/stem.h"
#include "tensor/optional.h"

namespace pea {
namespace {

// What every operator with an activation takes last, behind its name: schema, parameters, and what is made of them.
#define PEA_KEY_SCHEMA "int seed=0, int site=0, int step=0, float beta=1., float? bound=None, str masks='element'"
#define PEA_ENSEMBLE_SCHEMA "str mode='weighted', float alpha=0., " PEA_KEY_SCHEMA
#define PEA_ENSEMBLE_PARAMETERS                                                                      \
  std::string mode, double alpha, int64_t seed, int64_t site, int64_t step, double beta, OptionalDouble bound, \
      std::string masks
#define PEA_ENSEMBLE_ARGUMENTS(smooth) \
  EnsembleArguments { smooth, mode, alpha, seed, site, step, beta, bound, masks }

// In libtorch's way.
std::string capability_name() {
  switch (cpu_capability()) {
    case CpuCapability::kAvx512Bf16: return "AVX512_BF16";
    case CpuCapability::kAvx512: return "AVX512";
    case CpuCapability::kAvx2: return "AVX2";
    default: return "portable";
  }
}

TORCH_LIBRARY(pea, m) {
  m.def("ensemble_act(Tensor x, str smooth, str mode, float alpha, " PEA_KEY_SCHEMA ") -> Tensor");
  m.def(
      "ensemble_act_backward(Tensor grad, Tensor x, str smooth, str mode, float alpha, " PEA_KEY_SCHEMA ") -> Tensor");
  m.def(
      "batch_norm_act(Tensor x, Tensor? residual, Tensor weight, Tensor bias, Tensor(a!)? running_mean, "
      "Tensor(b!)? running_var, bool training, float momentum, float eps, str activation, " PEA_ENSEMBLE_SCHEMA
      ") -> Tensor");
  m.def(
      "defer_batch_norm_act(Tensor x, Tensor weight, Tensor bias, Tensor(a!)? running_mean, Tensor(b!)? running_var, "
      "bool training, float momentum, float eps, str activation, " PEA_ENSEMBLE_SCHEMA
      ") -> (Tensor x, Tensor normalization)");
  m.def("apply_deferred(Tensor x, Tensor normalization, str activation, " PEA_ENSEMBLE_SCHEMA ") -> Tensor");
  m.def(
      "conv3x1(Tensor x, Tensor weight, Tensor? bias=None, int dilation=1, Tensor? normalization=None, "
      "str activation='identity', " PEA_ENSEMBLE_SCHEMA ") -> Tensor");
  m.def(
      "conv3x3(Tensor x, Tensor weight, Tensor? bias=None, Tensor? normalization=None, str activation='identity', "
      PEA_ENSEMBLE_SCHEMA ") -> Tensor");
  m.def(
      "depthwise(Tensor x, Tensor weight, Tensor? bias=None, int stride=1, int[2] padding_before=[], "
      "Tensor? normalization=None, str activation='identity', " PEA_ENSEMBLE_SCHEMA ") -> Tensor");
  m.def(
      "pointwise(Tensor x, Tensor weight, Tensor? bias=None, Tensor? normalization=None, str activation='identity', "
      PEA_ENSEMBLE_SCHEMA ") -> Tensor");
  m.def("stem(Tensor x, Tensor weight, Tensor? bias=None, int stride=1, int[2] padding_before=[]) -> Tensor");
  m.def(
      "max_pool2d(Tensor x, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1) -> Tensor");
  m.def(
      "sgd_step_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] velocities, float lr, float momentum=0., "
      "float weight_decay=0., bool nesterov=False) -> ()");
  m.def("clamp_extremes_(Tensor(a!) x, float? min=None, float? max=None) -> (float least, float greatest)");
  m.def("standardize(Tensor images, float[] offset, float[] scale) -> Tensor");
  m.def("cpu_capability() -> str", capability_name);
}

// The dispatcher infers the schema's types from functions that take strings by value.
template <auto kFunction>
at::Tensor with_arguments(const at::Tensor& x, std::string smooth, PEA_ENSEMBLE_PARAMETERS) {
  return kFunction(x, PEA_ENSEMBLE_ARGUMENTS(smooth));
}

template <auto kFunction>
at::Tensor with_arguments_backward(const at::Tensor& grad, const at::Tensor& x, std::string smooth,
                                   PEA_ENSEMBLE_PARAMETERS) {
  return kFunction(grad, x, PEA_ENSEMBLE_ARGUMENTS(smooth));
}

at::Tensor batch_norm_act_cpu(const BatchNormInputs& inputs, const at::Tensor& running_mean,
                              const at::Tensor& running_var, const BatchNormSettings& settings) {
  return batch_norm_act_forward(inputs, running_mean, running_var, settings).y;
}

template <auto kFunction>
at::Tensor with_settings(const at::Tensor& x, const OptionalTensor& residual, const at::Tensor& weight,
                         const at::Tensor& bias, const OptionalTensor& running_mean, const OptionalTensor& running_var,
                         bool training, double momentum, double eps, std::string activation, PEA_ENSEMBLE_PARAMETERS) {
  return kFunction({x, or_undefined(residual), weight, bias}, or_undefined(running_mean), or_undefined(running_var),
                   {training, momentum, eps, activation_options(x, PEA_ENSEMBLE_ARGUMENTS(activation))});
}

// Padded by half of the window on all sides.
WindowSteps centred(const at::Tensor& weight, int64_t stride, int64_t dilation) {
  if (weight.dim() != 4) return {stride, dilation, 0, 0};  // is refused
  return {stride, dilation, weight.size(2) / 2 * dilation, weight.size(3) / 2 * dilation};
}

at::Tensor convolution_cpu(const ConvolutionOperator& convolution, const ConvolutionInput& input,
                           const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps) {
  return convolution.forward(input, weight, bias, steps, /*moments=*/nullptr);
}

template <auto kFunction>
at::Tensor as_conv3x1(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& bias, int64_t dilation,
                      const OptionalTensor& normalization, std::string activation, PEA_ENSEMBLE_PARAMETERS) {
  const ActivationOptions options = activation_options(x, PEA_ENSEMBLE_ARGUMENTS(activation));
  return kFunction(conv3x1, {x, or_undefined(normalization), options}, weight, or_undefined(bias),
                   centred(weight, /*stride=*/1, dilation));
}

// Padded so before the rows and the columns.
WindowSteps padded_before(at::IntArrayRef padding, const at::Tensor& weight, int64_t stride, const char* name) {
  if (padding.empty()) return centred(weight, stride, /*dilation=*/1);
  TORCH_CHECK_VALUE(padding.size() == 2, name, ": padding_before must be [top, left], not ", padding);
  return {stride, /*dilation=*/1, padding[0], padding[1]};
}

template <auto kFunction>
at::Tensor as_depthwise(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& bias, int64_t stride,
                        at::IntArrayRef padding_before, const OptionalTensor& normalization, std::string activation,
                        PEA_ENSEMBLE_PARAMETERS) {
  const ActivationOptions options = activation_options(x, PEA_ENSEMBLE_ARGUMENTS(activation));
  return kFunction(depthwise, {x, or_undefined(normalization), options}, weight, or_undefined(bias),
                   padded_before(padding_before, weight, stride, depthwise.name));
}

template <auto kFunction>
at::Tensor as_stem(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& bias, int64_t stride,
                   at::IntArrayRef padding_before) {
  return kFunction(stem, {x, at::Tensor()}, weight, or_undefined(bias),
                   padded_before(padding_before, weight, stride, stem.name));
}

template <auto kFunction, const ConvolutionOperator& kConvolution>
at::Tensor as_convolution(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& bias,
                          const OptionalTensor& normalization, std::string activation, PEA_ENSEMBLE_PARAMETERS) {
  const ActivationOptions options = activation_options(x, PEA_ENSEMBLE_ARGUMENTS(activation));
  return kFunction(kConvolution, {x, or_undefined(normalization), options}, weight, or_undefined(bias),
                   centred(weight, /*stride=*/1, /*dilation=*/1));
}

std::tuple<at::Tensor, at::Tensor> defer_with_settings(const at::Tensor& x, const at::Tensor& weight,
                                                       const at::Tensor& bias, const OptionalTensor& running_mean,
                                                       const OptionalTensor& running_var, bool training,
                                                       double momentum, double eps, std::string activation,
                                                       PEA_ENSEMBLE_PARAMETERS) {
  return batch_norm_act_deferred_autograd(
      {x, at::Tensor(), weight, bias}, or_undefined(running_mean), or_undefined(running_var),
      {training, momentum, eps, activation_options(x, PEA_ENSEMBLE_ARGUMENTS(activation))});
}

template <auto kFunction>
at::Tensor with_deferred(const at::Tensor& x, const at::Tensor& normalization, std::string activation,
                         PEA_ENSEMBLE_PARAMETERS) {
  return kFunction({x, normalization, activation_options(x, PEA_ENSEMBLE_ARGUMENTS(activation))});
}

at::Tensor max_pool_cpu(const at::Tensor& x, const MaxPoolWindow& window) {
  return max_pool_forward(x, window, /*with_positions=*/false).y;
}

template <auto kFunction>
at::Tensor with_window(const at::Tensor& x, at::IntArrayRef kernel_size, at::IntArrayRef stride,
                       at::IntArrayRef padding, at::IntArrayRef dilation) {
  return kFunction(x, max_pool_window(kernel_size, stride, padding, dilation));
}

void sgd_step_cpu(at::TensorList parameters, at::TensorList gradients, at::TensorList velocities, double lr,
                  double momentum, double weight_decay, bool nesterov) {
  sgd_step(parameters, gradients, velocities, {lr, momentum, weight_decay, nesterov});
}

TORCH_LIBRARY_IMPL(pea, CPU, m) {
  m.impl("ensemble_act", with_arguments<ensemble_act_cpu>);
  m.impl("ensemble_act_backward", with_arguments_backward<ensemble_act_backward_cpu>);
  m.impl("batch_norm_act", with_settings<batch_norm_act_cpu>);
  m.impl("apply_deferred", with_deferred<apply_deferred>);
  m.impl("clamp_extremes_", clamp_extremes_);
  m.impl("conv3x1", as_conv3x1<convolution_cpu>);
  m.impl("conv3x3", as_convolution<convolution_cpu, conv3x3>);
  m.impl("depthwise", as_depthwise<convolution_cpu>);
  m.impl("max_pool2d", with_window<max_pool_cpu>);
  m.impl("pointwise", as_convolution<convolution_cpu, pointwise>);
  m.impl("sgd_step_", sgd_step_cpu);
  m.impl("standardize", standardize);
  m.impl("stem", as_stem<convolution_cpu>);
}

TORCH_LIBRARY_IMPL(pea, Meta, m) {
  m.impl("ensemble_act", with_arguments<ensemble_act_meta>);
  m.impl("ensemble_act_backward", with_arguments_backward<ensemble_act_backward_meta>);
}

TORCH_LIBRARY_IMPL(pea, AutogradCPU, m) {
  m.impl("batch_norm_act", with_settings<batch_norm_act_autograd>);
  m.impl("defer_batch_norm_act", defer_with_settings);
  m.impl("apply_deferred", with_deferred<apply_deferred_autograd>);
  m.impl("conv3x1", as_conv3x1<convolution_autograd>);
  m.impl("conv3x3", as_convolution<convolution_autograd, conv3x3>);
  m.impl("depthwise", as_depthwise<convolution_autograd>);
  m.impl("max_pool2d", with_window<max_pool_autograd>);
  m.impl("pointwise", as_convolution<convolution_autograd, pointwise>);
  m.impl("stem", as_stem<convolution_autograd>);
}

TORCH_LIBRARY_IMPL(pea, AutocastCPU, m) {
  m.impl("conv3x1", as_conv3x1<convolution_autocast>);
  m.impl("conv3x3", as_convolution<convolution_autocast, conv3x3>);
  m.impl("depthwise", as_depthwise<convolution_autocast>);
  m.impl("pointwise", as_convolution<convolution_autocast, pointwise>);
  m.impl("stem", as_stem<convolution_autocast>);
}

TORCH_LIBRARY_IMPL(pea, Autograd, m) {
  m.impl("ensemble_act", with_arguments<ensemble_act_autograd>);
  m.impl("ensemble_act_backward", with_arguments_backward<ensemble_act_backward_autograd>);
}

}  // namespace
}  // namespace pea
