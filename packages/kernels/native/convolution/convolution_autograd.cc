#include "convolution/convolution_autograd.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace pea {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Function::apply takes an absent tensor as nullopt, not as undefined.
using OptionalTensor = c10::optional<at::Tensor>;

OptionalTensor optional(const at::Tensor& tensor) { return tensor.defined() ? OptionalTensor(tensor) : c10::nullopt; }

// Which gradients are asked for.
struct Wanted {
  bool x, weight, bias;
};

// What is computed, besides the tensors.
struct Settings : torch::CustomClassHolder {
  Settings(const ConvolutionOperator& convolution, ActivationKind activation, int64_t stride, bool has_bias)
      : convolution(convolution), activation(activation), stride(stride), has_bias(has_bias) {}

  const ConvolutionOperator& convolution;
  const ActivationKind activation;
  const int64_t stride;
  const bool has_bias;
};

// A node of its own, so that `create_graph` works as far as first derivatives go. Gives the wanted gradients alone.
struct ConvolutionBackward : torch::autograd::Function<ConvolutionBackward> {
  static variable_list forward(AutogradContext* context, const at::Tensor& grad, const at::Tensor& x,
                               const OptionalTensor& normalization, const at::Tensor& weight, const Settings* settings,
                               const Wanted& wanted) {
    context->saved_data["name"] = std::string(settings->convolution.name);
    const at::Tensor dy = grad.contiguous(at::MemoryFormat::ChannelsLast);
    const ConvolutionGradients own = settings->convolution.backward(
        dy, {x, normalization.value_or(at::Tensor()), settings->activation}, weight, settings->stride, wanted.x, wanted.weight);
    variable_list gradients;
    if (wanted.x) gradients.push_back(own.images);
    if (wanted.weight) gradients.push_back(own.weight);
    if (wanted.bias) gradients.push_back(dy.sum({0, 2, 3}));
    return gradients;
  }

  static variable_list backward(AutogradContext* context, const variable_list&) {
    TORCH_CHECK_NOT_IMPLEMENTED(false, "pea::", context->saved_data.at("name").toStringRef(),
                                " has no second derivative. For double backward, use libtorch's own convolution "
                                "(PEA_KERNELS=off in TypeScript).");
  }
};

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const OptionalTensor& bias, const OptionalTensor& normalization,
                            const c10::intrusive_ptr<Settings>& settings) {
    const ConvolutionInput input{x, normalization.value_or(at::Tensor()), settings->activation};
    context->set_materialize_grads(false);
    context->save_for_backward({x, weight, input.normalization});
    context->saved_data["settings"] = c10::IValue::make_capsule(settings);
    return settings->convolution.forward(input, weight, bias.value_or(at::Tensor()), settings->stride);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    variable_list result(5);  // one for each argument of forward
    if (!grads[0].defined()) return result;
    const variable_list saved = context->get_saved_variables();
    const auto capsule = context->saved_data.at("settings").toCapsule();
    const auto* const settings = static_cast<const Settings*>(capsule.get());
    // Without a bias there is no third edge to ask about.
    const Wanted wanted{context->needs_input_grad(0), context->needs_input_grad(1),
                        settings->has_bias && context->needs_input_grad(2)};
    const variable_list gradients =
        ConvolutionBackward::apply(grads[0], saved[0], optional(saved[2]), saved[1], settings, wanted);
    auto next = gradients.begin();
    if (wanted.x) result[0] = *next++;
    if (wanted.weight) result[1] = *next++;
    if (wanted.bias) result[2] = *next++;
    return result;
  }
};

bool requires_grad(const at::Tensor& tensor) { return tensor.defined() && tensor.requires_grad(); }

}  // namespace

at::Tensor convolution_autograd(const ConvolutionOperator& convolution, const ConvolutionInput& input,
                                const at::Tensor& weight, const at::Tensor& bias, int64_t stride) {
  if (at::GradMode::is_enabled() && (requires_grad(input.x) || requires_grad(weight) || requires_grad(bias))) {
    return Convolution::apply(input.x, weight, optional(bias), optional(input.normalization),
                              c10::make_intrusive<Settings>(convolution, input.activation, stride, bias.defined()));
  }
  at::AutoDispatchBelowADInplaceOrView below;
  return convolution.forward(input, weight, bias, stride);
}

}  // namespace pea
