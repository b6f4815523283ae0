#include "batch_norm/batch_norm_autograd.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/version.h>

#include <type_traits>
#include <utility>

#include "batch_norm/links.h"
#include "tensor/optional.h"

namespace pea {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What is computed, besides the tensors.
struct KeptSettings : torch::CustomClassHolder {
  explicit KeptSettings(const BatchNormSettings& settings) : value(settings) {}

  const BatchNormSettings value;
};

void save(AutogradContext* context, const BatchNormInputs& inputs, const BatchNormStatistics& statistics,
          const BatchNormSettings& settings) {
  context->save_for_backward({inputs.x, inputs.residual, inputs.weight, inputs.bias, statistics.mean,
                              statistics.inverse_deviation});
  context->saved_data["settings"] = c10::IValue::make_capsule(c10::make_intrusive<KeptSettings>(settings));
}

BatchNormSettings saved_settings(const AutogradContext* context) {
  return held<KeptSettings>(*context, "settings")->value;
}

// A node of its own, so that `create_graph` works as far as first derivatives go. An absent residual has no gradient.
struct BatchNormActBackward : torch::autograd::Function<BatchNormActBackward> {
  static variable_list forward(AutogradContext*, const at::Tensor& grad, const at::Tensor& x,
                               const OptionalTensor& residual, const at::Tensor& weight, const at::Tensor& bias,
                               const BatchNormStatistics& statistics, const BatchNormSettings& settings) {
    const BatchNormGradients gradients =
        batch_norm_act_backward(grad, {x, or_undefined(residual), weight, bias}, statistics, settings, /*is_free=*/false);
    variable_list result = {gradients.x, gradients.weight, gradients.bias};
    if (residual.has_value()) result.push_back(gradients.residual);
    return result;
  }

  static variable_list backward(AutogradContext*, const variable_list&) {
    TORCH_CHECK_NOT_IMPLEMENTED(false,
                                "pea::batch_norm_act has no second derivative. For double backward, compose it of "
                                "plain operators (PEA_KERNELS=off in TypeScript).");
  }
};

// How often the engine itself holds the gradient that it gives to a function's backward: 1.13 copies the list, later ones
// move it.
constexpr size_t kEngineHolds = TORCH_VERSION_MAJOR == 1 && TORCH_VERSION_MINOR == 13 ? 2 : 1;

// Of the seven arguments of the two functions below, for the gradient of the result.
variable_list gradients_of_arguments(AutogradContext* context, const at::Tensor& grad) {
  variable_list result(7);
  if (!grad.defined()) return result;
  const variable_list saved = context->get_saved_variables();
  const BatchNormStatistics statistics{saved[4], saved[5]};
  BatchNormGradients gradients;
  if (at::GradMode::is_enabled()) {
    const variable_list list = BatchNormActBackward::apply(grad, saved[0], optional(saved[1]), saved[2], saved[3],
                                                           statistics, saved_settings(context));
    gradients = {list[0], saved[1].defined() ? list[3] : at::Tensor(), list[1], list[2]};
  } else {
    gradients = batch_norm_act_backward(grad, {saved[0], saved[1], saved[2], saved[3]}, statistics,
                                        saved_settings(context), /*is_free=*/grad.use_count() <= kEngineHolds);
  }
  result[0] = gradients.x;
  result[1] = gradients.residual;
  result[2] = gradients.weight;
  result[3] = gradients.bias;
  return result;
}

// Those of a convolution's result that has not been changed since; empty where they are not known.
Moments moments_of(const at::Tensor& x) {
  const auto link = convolution_behind(x);
  return link && x._version() == 0 ? link->moments : Moments();
}

const Moments* given(const Moments& moments) { return moments.mean.empty() ? nullptr : &moments; }

// a + b, either of which may be undefined.
at::Tensor sum_of(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() ? a : b;
  return a + b;
}

struct BatchNormAct : torch::autograd::Function<BatchNormAct> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const OptionalTensor& residual,
                            const at::Tensor& weight, const at::Tensor& bias, const OptionalTensor& running_mean,
                            const OptionalTensor& running_var, const BatchNormSettings& settings) {
    context->set_materialize_grads(false);
    const Moments moments = moments_of(x);
    const BatchNormInputs inputs{x, or_undefined(residual), weight, bias, given(moments)};
    const BatchNormOutput output =
        batch_norm_act_forward(inputs, or_undefined(running_mean), or_undefined(running_var), settings);
    save(context, inputs, output.statistics, settings);
    return output.y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    return gradients_of_arguments(context, grads[0]);
  }
};

}  // namespace

// Gives x itself and the normalization: who reads the result computes it of these (activation_on_load.h). What flows
// back is the gradient of the result, or that of the normalized values (links.h).
struct DeferredBatchNormAct : torch::autograd::Function<DeferredBatchNormAct> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const OptionalTensor&,
                               const at::Tensor& weight, const at::Tensor& bias, const OptionalTensor& running_mean,
                               const OptionalTensor& running_var, const BatchNormSettings& settings) {
    context->set_materialize_grads(false);
    const Moments moments = moments_of(x);
    const BatchNormInputs inputs{x, at::Tensor(), weight, bias, given(moments)};
    const DeferredStatistics deferred =
        batch_norm_act_deferred(inputs, or_undefined(running_mean), or_undefined(running_var), settings);
    save(context, inputs, deferred.statistics, settings);
    context->saved_data["link"] = c10::IValue::make_capsule(c10::make_intrusive<ActivationLink>());
    if (convolution_behind(x)) {
      context->saved_data["convolution"] = c10::IValue::make_capsule(c10::make_intrusive<Producer>(x));
    }
    context->mark_non_differentiable({deferred.normalization});
    // The same memory, and no view: it has a history of its own.
    return {x.variable_data(), deferred.normalization};
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    variable_list result = gradients_of_arguments(context, grads[0]);
    const auto link = held<ActivationLink>(*context, "link");
    for (const ActivationLink::Gradient& gradient : std::exchange(link->gradients, {})) {
      const variable_list saved = context->get_saved_variables();
      const BatchNormReduced reduced =
          batch_norm_act_reduced(gradient.sums, {saved[0], at::Tensor(), saved[2], saved[3]},
                                 BatchNormStatistics{saved[4], saved[5]}, saved_settings(context));
      result[2] = sum_of(result[2], reduced.weight);
      result[3] = sum_of(result[3], reduced.bias);
      if (!context->needs_input_grad(0)) continue;
      const DeferredGradient dx{gradient.g, saved[0].variable_data(), reduced.channels};
      if (const auto convolution = taking_convolution(context)) convolution->gradients.push_back(dx);
      else result[0] = sum_of(result[0], apply_deferred_gradient(dx));
    }
    return result;
  }

 private:
  // The convolution that made x.
  struct Producer : torch::CustomClassHolder {
    explicit Producer(const at::Tensor& x) : link(convolution_behind(x)), node(x.grad_fn()) {}

    const c10::intrusive_ptr<ConvolutionLink> link;
    // The pointer that the engine's version counts nodes by.
    const std::decay_t<decltype(std::declval<const at::Tensor&>().grad_fn())> node;
  };

  // Null where x's gradient is to go the usual way.
  static c10::intrusive_ptr<ConvolutionLink> taking_convolution(const AutogradContext* context) {
    const auto producer = held<Producer>(*context, "convolution");
    if (!producer) return {};
    return sees_gradient(*producer->node) ? c10::intrusive_ptr<ConvolutionLink>() : producer->link;
  }
};

namespace {

struct ApplyDeferred : torch::autograd::Function<ApplyDeferred> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& normalization,
                            const ActivationOptions& activation) {
    context->set_materialize_grads(false);
    return apply_deferred({x, normalization, activation});
  }

  static variable_list backward(AutogradContext*, const variable_list& grads) {
    return {grads[0], at::Tensor(), at::Tensor()};
  }
};

bool requires_grad(const at::Tensor& tensor) { return tensor.defined() && tensor.requires_grad(); }

}  // namespace

at::Tensor batch_norm_act_autograd(const BatchNormInputs& inputs, const at::Tensor& running_mean,
                                   const at::Tensor& running_var, const BatchNormSettings& settings) {
  const bool differentiable = requires_grad(inputs.x) || requires_grad(inputs.residual) ||
                              requires_grad(inputs.weight) || requires_grad(inputs.bias);
  if (at::GradMode::is_enabled() && differentiable) {
    return BatchNormAct::apply(inputs.x, optional(inputs.residual), inputs.weight, inputs.bias,
                               optional(running_mean), optional(running_var), settings);
  }
  at::AutoDispatchBelowADInplaceOrView below;
  return batch_norm_act_forward(inputs, running_mean, running_var, settings).y;
}

std::tuple<at::Tensor, at::Tensor> batch_norm_act_deferred_autograd(const BatchNormInputs& inputs,
                                                                    const at::Tensor& running_mean,
                                                                    const at::Tensor& running_var,
                                                                    const BatchNormSettings& settings) {
  const variable_list result =
      DeferredBatchNormAct::apply(inputs.x, OptionalTensor(), inputs.weight, inputs.bias, optional(running_mean),
                                          optional(running_var), settings);
  return {result[0], result[1]};
}

at::Tensor apply_deferred_autograd(const DeferredActivation& deferred) {
  return ApplyDeferred::apply(deferred.x, deferred.normalization, deferred.activation);
}

}  // namespace pea
