#include "batch_norm/batch_norm_autograd.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace pea {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Function::apply takes an absent tensor as nullopt, not as undefined.
using OptionalTensor = c10::optional<at::Tensor>;

OptionalTensor optional(const at::Tensor& tensor) { return tensor.defined() ? OptionalTensor(tensor) : c10::nullopt; }

at::Tensor or_undefined(const OptionalTensor& tensor) { return tensor.value_or(at::Tensor()); }

void save(AutogradContext* context, const BatchNormInputs& inputs, const BatchNormStatistics& statistics,
          const BatchNormSettings& settings) {
  context->save_for_backward({inputs.x, inputs.residual, inputs.weight, inputs.bias, statistics.mean,
                              statistics.inverse_deviation});
  const EnsembleOptions& ensemble = settings.activation.ensemble;
  auto& saved = context->saved_data;
  saved["training"] = settings.training;
  saved["activation"] = static_cast<int64_t>(settings.activation.kind);
  saved["smooth"] = static_cast<int64_t>(ensemble.smooth);
  saved["mode"] = static_cast<int64_t>(ensemble.mode);
  saved["alpha"] = ensemble.alpha;
  saved["seed"] = ensemble.seed;
  saved["site"] = ensemble.site;
  saved["step"] = ensemble.step;
}

// Momentum and eps have done their part.
BatchNormSettings saved_settings(const AutogradContext* context) {
  const auto& saved = context->saved_data;
  const EnsembleOptions ensemble{static_cast<Smooth>(saved.at("smooth").toInt()),
                                 static_cast<Mode>(saved.at("mode").toInt()),
                                 saved.at("alpha").toDouble(),
                                 saved.at("seed").toInt(),
                                 saved.at("site").toInt(),
                                 saved.at("step").toInt()};
  return {saved.at("training").toBool(), 0, 0, {static_cast<ActivationKind>(saved.at("activation").toInt()), ensemble}};
}

// A node of its own, so that `create_graph` works as far as first derivatives go. An absent residual has no gradient.
struct BatchNormActBackward : torch::autograd::Function<BatchNormActBackward> {
  static variable_list forward(AutogradContext*, const at::Tensor& grad, const at::Tensor& x,
                               const OptionalTensor& residual, const at::Tensor& weight, const at::Tensor& bias,
                               const BatchNormStatistics& statistics, const BatchNormSettings& settings) {
    const BatchNormGradients gradients =
        batch_norm_act_backward(grad, {x, or_undefined(residual), weight, bias}, statistics, settings);
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

// Of the seven arguments of the two functions below, for the gradient of the result.
variable_list gradients_of_arguments(AutogradContext* context, const at::Tensor& grad) {
  variable_list result(7);
  if (!grad.defined()) return result;
  const variable_list saved = context->get_saved_variables();
  const variable_list gradients =
      BatchNormActBackward::apply(grad, saved[0], optional(saved[1]), saved[2], saved[3],
                                  BatchNormStatistics{saved[4], saved[5]}, saved_settings(context));
  result[0] = gradients[0];
  if (saved[1].defined()) result[1] = gradients[3];
  result[2] = gradients[1];
  result[3] = gradients[2];
  return result;
}

struct BatchNormAct : torch::autograd::Function<BatchNormAct> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const OptionalTensor& residual,
                            const at::Tensor& weight, const at::Tensor& bias, const OptionalTensor& running_mean,
                            const OptionalTensor& running_var, const BatchNormSettings& settings) {
    context->set_materialize_grads(false);
    const BatchNormInputs inputs{x, or_undefined(residual), weight, bias};
    const BatchNormOutput output =
        batch_norm_act_forward(inputs, or_undefined(running_mean), or_undefined(running_var), settings);
    save(context, inputs, output.statistics, settings);
    return output.y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    return gradients_of_arguments(context, grads[0]);
  }
};

// Gives x itself and the normalization: who reads the result computes it of these (see activation_on_load.h). What flows
// back is the gradient of the result.
struct DeferredBatchNormActFunction : torch::autograd::Function<DeferredBatchNormActFunction> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const OptionalTensor&,
                               const at::Tensor& weight, const at::Tensor& bias, const OptionalTensor& running_mean,
                               const OptionalTensor& running_var, const BatchNormSettings& settings) {
    context->set_materialize_grads(false);
    const BatchNormInputs inputs{x, at::Tensor(), weight, bias};
    const DeferredBatchNormAct deferred =
        batch_norm_act_deferred(inputs, or_undefined(running_mean), or_undefined(running_var), settings);
    save(context, inputs, deferred.statistics, settings);
    context->mark_non_differentiable({deferred.normalization});
    // The same memory, and no view: it has a history of its own.
    return {x.variable_data(), deferred.normalization};
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    return gradients_of_arguments(context, grads[0]);
  }
};

struct ApplyDeferred : torch::autograd::Function<ApplyDeferred> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& normalization,
                            ActivationKind activation) {
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
      DeferredBatchNormActFunction::apply(inputs.x, OptionalTensor(), inputs.weight, inputs.bias, optional(running_mean),
                                          optional(running_var), settings);
  return {result[0], result[1]};
}

at::Tensor apply_deferred_autograd(const DeferredActivation& deferred) {
  return ApplyDeferred::apply(deferred.x, deferred.normalization, deferred.activation);
}

}  // namespace pea
