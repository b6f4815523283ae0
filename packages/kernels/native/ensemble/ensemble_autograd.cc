#include "ensemble/ensemble_autograd.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tensor/held.h"

namespace pea {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The operators by way of the dispatcher, which finds the kernel of the tensor's device.
at::Tensor forward_operator(const at::Tensor& x, const EnsembleArguments& of) {
  static const auto handle = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow("pea::ensemble_act", "")
                                 .typed<at::Tensor(const at::Tensor&, std::string, std::string, double, int64_t,
                                                   int64_t, int64_t, double, OptionalDouble, std::string)>();
  return handle.call(x, of.smooth, of.mode, of.alpha, of.seed, of.site, of.step, of.beta, of.bound, of.masks);
}

at::Tensor backward_operator(const at::Tensor& grad, const at::Tensor& x, const EnsembleArguments& of) {
  static const auto handle =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("pea::ensemble_act_backward", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, std::string, std::string, double, int64_t, int64_t,
                            int64_t, double, OptionalDouble, std::string)>();
  return handle.call(grad, x, of.smooth, of.mode, of.alpha, of.seed, of.site, of.step, of.beta, of.bound, of.masks);
}

struct EnsembleActBackward : torch::autograd::Function<EnsembleActBackward> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& grad, const at::Tensor& x,
                            const EnsembleArguments& arguments) {
    at::AutoDispatchBelowADInplaceOrView below;
    return backward_operator(grad, x, arguments);
  }

  static variable_list backward(AutogradContext*, const variable_list&) {
    TORCH_CHECK_NOT_IMPLEMENTED(false,
                                "pea::ensemble_act has no second derivative. For double backward, compose the "
                                "ensemble of plain operators (PEA_KERNELS=off in TypeScript).");
  }
};

struct KeptArguments : torch::CustomClassHolder {
  explicit KeptArguments(const EnsembleArguments& arguments) : value(arguments) {}

  const EnsembleArguments value;
};

struct EnsembleAct : torch::autograd::Function<EnsembleAct> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const EnsembleArguments& arguments) {
    context->save_for_backward({x});
    context->saved_data["arguments"] = c10::IValue::make_capsule(c10::make_intrusive<KeptArguments>(arguments));
    at::AutoDispatchBelowADInplaceOrView below;
    return forward_operator(x, arguments);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    variable_list result(2);  // one for each argument of forward
    if (!grads[0].defined()) return result;
    result[0] = backward_operator(grads[0], context->get_saved_variables()[0],
                                  held<KeptArguments>(*context, "arguments")->value);
    return result;
  }
};

}  // namespace

at::Tensor ensemble_act_autograd(const at::Tensor& x, const EnsembleArguments& arguments) {
  const EnsembleOptions options = ensemble_act_options(x, arguments);
  if (options.alpha == 1) return relu_of(x, options);  // with its own derivative
  if (at::GradMode::is_enabled() && x.requires_grad()) return EnsembleAct::apply(x, arguments);
  at::AutoDispatchBelowADInplaceOrView below;
  return forward_operator(x, arguments);
}

at::Tensor ensemble_act_backward_autograd(const at::Tensor& grad, const at::Tensor& x,
                                          const EnsembleArguments& arguments) {
  if (at::GradMode::is_enabled() && (grad.requires_grad() || x.requires_grad())) {
    return EnsembleActBackward::apply(grad, x, arguments);
  }
  at::AutoDispatchBelowADInplaceOrView below;
  return backward_operator(grad, x, arguments);
}

}  // namespace pea
