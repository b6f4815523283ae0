#include "ensemble/ensemble_autograd.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include "ensemble/ensemble_act.h"

namespace pea {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The operators by way of the dispatcher, which finds the kernel of the tensor's device.
at::Tensor forward_operator(const at::Tensor& x, const std::string& smooth, const std::string& mode, double alpha,
                            int64_t seed, int64_t site, int64_t step, double beta) {
  static const auto handle = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow("pea::ensemble_act", "")
                                 .typed<at::Tensor(const at::Tensor&, std::string, std::string, double, int64_t,
                                                   int64_t, int64_t, double)>();
  return handle.call(x, smooth, mode, alpha, seed, site, step, beta);
}

at::Tensor backward_operator(const at::Tensor& grad, const at::Tensor& x, const std::string& smooth,
                             const std::string& mode, double alpha, int64_t seed,
                             int64_t site, int64_t step, double beta) {
  static const auto handle = c10::Dispatcher::singleton()
                                 .findSchemaOrThrow("pea::ensemble_act_backward", "")
                                 .typed<at::Tensor(const at::Tensor&, const at::Tensor&, std::string, std::string,
                                                   double, int64_t, int64_t, int64_t, double)>();
  return handle.call(grad, x, smooth, mode, alpha, seed, site, step, beta);
}

struct EnsembleActBackward : torch::autograd::Function<EnsembleActBackward> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& grad, const at::Tensor& x, const std::string& smooth,
                            const std::string& mode, double alpha, int64_t seed,
                            int64_t site, int64_t step, double beta) {
    at::AutoDispatchBelowADInplaceOrView below;
    return backward_operator(grad, x, smooth, mode, alpha, seed, site, step, beta);
  }

  static variable_list backward(AutogradContext*, const variable_list&) {
    TORCH_CHECK_NOT_IMPLEMENTED(false,
                                "pea::ensemble_act has no second derivative. For double backward, compose the "
                                "ensemble of plain operators (PEA_KERNELS=off in TypeScript).");
  }
};

struct EnsembleAct : torch::autograd::Function<EnsembleAct> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const std::string& smooth,
                            const std::string& mode, double alpha, int64_t seed,
                            int64_t site, int64_t step, double beta) {
    context->save_for_backward({x});
    auto& saved = context->saved_data;
    saved["smooth"] = smooth;
    saved["mode"] = mode;
    saved["alpha"] = alpha;
    saved["seed"] = seed;
    saved["site"] = site;
    saved["step"] = step;
    saved["beta"] = beta;
    at::AutoDispatchBelowADInplaceOrView below;
    return forward_operator(x, smooth, mode, alpha, seed, site, step, beta);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    variable_list result(8);  // one for each argument of forward
    if (!grads[0].defined()) return result;
    const auto& saved = context->saved_data;
    result[0] = backward_operator(grads[0], context->get_saved_variables()[0], saved.at("smooth").toStringRef(),
                                  saved.at("mode").toStringRef(), saved.at("alpha").toDouble(),
                                  saved.at("seed").toInt(), saved.at("site").toInt(), saved.at("step").toInt(),
                                  saved.at("beta").toDouble());
    return result;
  }
};

}  // namespace

at::Tensor ensemble_act_autograd(const at::Tensor& x, const std::string& smooth, const std::string& mode, double alpha,
                                 int64_t seed, int64_t site, int64_t step, double beta) {
  ensemble_options(x, smooth, mode, alpha, seed, site, step, beta);
  if (alpha == 1) return at::relu(x);  // with ReLU's own derivative
  if (at::GradMode::is_enabled() && x.requires_grad()) {
    return EnsembleAct::apply(x, smooth, mode, alpha, seed, site, step, beta);
  }
  at::AutoDispatchBelowADInplaceOrView below;
  return forward_operator(x, smooth, mode, alpha, seed, site, step, beta);
}

at::Tensor ensemble_act_backward_autograd(const at::Tensor& grad, const at::Tensor& x, const std::string& smooth,
                                          const std::string& mode, double alpha, int64_t seed, int64_t site,
                                          int64_t step, double beta) {
  if (at::GradMode::is_enabled() && (grad.requires_grad() || x.requires_grad())) {
    return EnsembleActBackward::apply(grad, x, smooth, mode, alpha, seed, site, step, beta);
  }
  at::AutoDispatchBelowADInplaceOrView below;
  return backward_operator(grad, x, smooth, mode, alpha, seed, site, step, beta);
}

}  // namespace pea
