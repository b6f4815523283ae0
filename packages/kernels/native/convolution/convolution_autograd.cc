#include "convolution/convolution_autograd.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/version.h>

#include <utility>

#include "batch_norm/batch_norm_autograd.h"
#include "batch_norm/links.h"
#include "convolution/libtorch_convolution.h"
#include "tensor/optional.h"

namespace pea {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What is computed, besides the tensors.
struct Settings : torch::CustomClassHolder {
  Settings(const ConvolutionOperator& convolution, const ActivationOptions& activation, const WindowSteps& steps,
           bool has_bias)
      : convolution(convolution), activation(activation), steps(steps), has_bias(has_bias) {}

  const ConvolutionOperator& convolution;
  const ActivationOptions activation;
  const WindowSteps steps;
  const bool has_bias;
};

// A node of its own, so that `create_graph` works as far as first derivatives go. Gives the wanted gradients alone.
struct ConvolutionBackward : torch::autograd::Function<ConvolutionBackward> {
  static variable_list forward(AutogradContext* context, const at::Tensor& dy, const at::Tensor& x,
                               const OptionalTensor& normalization, const at::Tensor& weight, const Settings* settings,
                               const WantedGradients& wanted) {
    context->saved_data["name"] = std::string(settings->convolution.name);
    const ConvolutionGradients own = settings->convolution.backward(
        {dy, {}}, {x, or_undefined(normalization), settings->activation}, weight, settings->steps, wanted);
    variable_list gradients;
    if (wanted.images) gradients.push_back(own.images);
    if (wanted.weight) gradients.push_back(own.weight);
    return gradients;
  }

  static variable_list backward(AutogradContext* context, const variable_list&) {
    TORCH_CHECK_NOT_IMPLEMENTED(false, "pea::", context->saved_data.at("name").toStringRef(),
                                " has no second derivative. For double backward, use libtorch's own convolution "
                                "(PEA_KERNELS=off in TypeScript).");
  }
};

// dy, which may be undefined, and what batch norms have left: deferred where it is one alone that the operator can
// take.
ResultGradient sum_of(const at::Tensor& dy, const std::vector<DeferredGradient>& deferred, bool takes_deferred) {
  if (!dy.defined() && deferred.size() == 1 && takes_deferred) return {at::Tensor(), deferred[0]};
  at::Tensor sum = dy;
  for (const DeferredGradient& one : deferred) {
    const at::Tensor gradient = apply_deferred_gradient(one);
    sum = sum.defined() ? sum + gradient : gradient;
  }
  return {sum, {}};
}

}  // namespace

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const OptionalTensor& bias, const OptionalTensor& normalization,
                            const c10::intrusive_ptr<Settings>& settings) {
    const ConvolutionInput input{x, or_undefined(normalization), settings->activation};
    context->set_materialize_grads(false);
    context->save_for_backward({x, weight, input.normalization});
    context->saved_data["settings"] = c10::IValue::make_capsule(settings);
    Moments* moments = nullptr;
    if (settings->convolution.takes_sums_along) {
      const auto link = c10::make_intrusive<ConvolutionLink>();
      context->saved_data["link"] = c10::IValue::make_capsule(link);
      moments = &link->moments;
    }
    if (input.normalization.defined()) {
      if (const auto activation = activation_behind(x)) {
        context->saved_data["activation"] = c10::IValue::make_capsule(activation);
      }
    }
    return settings->convolution.forward(input, weight, or_undefined(bias), settings->steps, moments);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    variable_list result(5);  // one for each argument of forward
    const auto link = held<ConvolutionLink>(*context, "link");
    const std::vector<DeferredGradient> deferred =
        link ? std::exchange(link->gradients, {}) : std::vector<DeferredGradient>();
    if (!grads[0].defined() && deferred.empty()) return result;
    const variable_list saved = context->get_saved_variables();
    const auto settings = held<Settings>(*context, "settings");
    // Without a bias there is no third edge to ask about.
    const bool wants_bias = settings->has_bias && context->needs_input_grad(2);
    WantedGradients wanted{context->needs_input_grad(0), context->needs_input_grad(1)};
    wanted.bias = wants_bias && settings->convolution.gives_bias && !at::GradMode::is_enabled();
    const bool sums_bias = wants_bias && !wanted.bias;
    const ResultGradient grad = sum_of(grads[0], deferred, settings->convolution.takes_sums_along && !sums_bias);
    if (sums_bias) result[2] = grad.dy.sum({0, 2, 3}, /*keepdim=*/false, saved[1].scalar_type());

    if (at::GradMode::is_enabled()) {
      const variable_list gradients =
          ConvolutionBackward::apply(grad.dy, saved[0], optional(saved[2]), saved[1], settings.get(), wanted);
      if (wanted.images) result[0] = gradients.front();
      if (wanted.weight) result[1] = gradients.back();
      return result;
    }
    const auto activation = held<ActivationLink>(*context, "activation");
    wanted.normalized = wanted.images && activation;
    const ConvolutionGradients gradients = settings->convolution.backward(
        grad, {saved[0], saved[2], settings->activation}, saved[1], settings->steps, wanted);
    if (wanted.normalized) activation->gradients.push_back({gradients.images, gradients.sums});
    else result[0] = gradients.images;
    result[1] = gradients.weight;
    if (wanted.bias) result[2] = gradients.bias;
    return result;
  }
};

namespace {

bool requires_grad(const at::Tensor& tensor) { return tensor.defined() && tensor.requires_grad(); }

at::ScalarType autocast_dtype() {
#if TORCH_VERSION_MAJOR >= 2
  return at::autocast::get_autocast_dtype(at::kCPU);
#else
  return at::autocast::get_autocast_cpu_dtype();
#endif
}

at::Tensor computed(const ConvolutionInput& input) {
  return apply_deferred_autograd({input.x, input.normalization, input.activation});
}

}  // namespace

at::Tensor convolution_autocast(const ConvolutionOperator& convolution, const ConvolutionInput& input,
                                const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps) {
  const bool is_deferred = input.normalization.defined();
  if (convolution.takes_bfloat16 && autocast_dtype() == at::kBFloat16) {
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::DispatchKey::AutocastCPU);
    // Autocast leaves float64 as it is.
    if (input.x.scalar_type() == at::kDouble) return convolution_autograd(convolution, input, weight, bias, steps);
    // What is deferred is computed of x as it is.
    const bool is_computed = is_deferred && input.x.scalar_type() != at::kBFloat16;
    const ConvolutionInput narrow{(is_computed ? computed(input) : input.x).to(at::kBFloat16),
                                  is_computed ? at::Tensor() : input.normalization, input.activation};
    return convolution_autograd(convolution, narrow, weight.to(at::kFloat), bias.defined() ? bias.to(at::kFloat) : bias,
                                steps);
  }
  TORCH_CHECK_VALUE(weight.size(1) > 0 && steps.stride > 0, convolution.name, ": weight has the shape ", weight.sizes(),
                    " and the stride is ", steps.stride, "; both must be above 0");
  return libtorch_convolution(is_deferred ? computed(input) : input.x, weight, bias, steps);
}

at::Tensor convolution_autograd(const ConvolutionOperator& convolution, const ConvolutionInput& input,
                                const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps) {
  if (at::GradMode::is_enabled() && (requires_grad(input.x) || requires_grad(weight) || requires_grad(bias))) {
    return Convolution::apply(input.x, weight, optional(bias), optional(input.normalization),
                              c10::make_intrusive<Settings>(convolution, input.activation, steps, bias.defined()));
  }
  at::AutoDispatchBelowADInplaceOrView below;
  return convolution.forward(input, weight, bias, steps, /*moments=*/nullptr);
}

}  // namespace pea
