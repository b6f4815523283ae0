#include "depthwise/depthwise_autograd.h"

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

// A node of its own, so that `create_graph` works as far as first derivatives go. Gives the wanted gradients alone.
struct Depthwise3x3Backward : torch::autograd::Function<Depthwise3x3Backward> {
  static variable_list forward(AutogradContext*, const at::Tensor& grad, const DepthwiseInput& input,
                               const at::Tensor& weight, int64_t stride, const Wanted& wanted) {
    const at::Tensor dy = grad.contiguous(at::MemoryFormat::ChannelsLast);
    const DepthwiseGradients own = depthwise3x3_backward(dy, input, weight, stride, wanted.x, wanted.weight);
    variable_list gradients;
    if (wanted.x) gradients.push_back(own.images);
    if (wanted.weight) gradients.push_back(own.weight);
    if (wanted.bias) gradients.push_back(dy.sum({0, 2, 3}));
    return gradients;
  }

  static variable_list backward(AutogradContext*, const variable_list&) {
    TORCH_CHECK_NOT_IMPLEMENTED(false,
                                "pea::depthwise3x3 has no second derivative. For double backward, use libtorch's own "
                                "convolution (PEA_KERNELS=off in TypeScript).");
  }
};

struct Depthwise3x3 : torch::autograd::Function<Depthwise3x3> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const OptionalTensor& bias, const OptionalTensor& normalization,
                            ActivationKind activation, int64_t stride) {
    const DepthwiseInput input{x, normalization.value_or(at::Tensor()), activation};
    context->set_materialize_grads(false);
    context->save_for_backward({x, weight, input.normalization});
    context->saved_data["has_bias"] = bias.has_value();
    context->saved_data["stride"] = stride;
    context->saved_data["activation"] = static_cast<int64_t>(activation);
    return depthwise3x3_forward(input, weight, bias.value_or(at::Tensor()), stride);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    variable_list result(6);  // one for each argument of forward
    if (!grads[0].defined()) return result;
    const variable_list saved = context->get_saved_variables();
    // Without a bias there is no third edge to ask about.
    const bool has_bias = context->saved_data.at("has_bias").toBool();
    const Wanted wanted{context->needs_input_grad(0), context->needs_input_grad(1),
                        has_bias && context->needs_input_grad(2)};
    const auto activation = static_cast<ActivationKind>(context->saved_data.at("activation").toInt());
    const DepthwiseInput input{saved[0], saved[2], activation};
    const variable_list gradients =
        Depthwise3x3Backward::apply(grads[0], input, saved[1], context->saved_data.at("stride").toInt(), wanted);
    auto next = gradients.begin();
    if (wanted.x) result[0] = *next++;
    if (wanted.weight) result[1] = *next++;
    if (wanted.bias) result[2] = *next++;
    return result;
  }
};

bool requires_grad(const at::Tensor& tensor) { return tensor.defined() && tensor.requires_grad(); }

}  // namespace

at::Tensor depthwise3x3_autograd(const DepthwiseInput& input, const at::Tensor& weight, const at::Tensor& bias,
                                 int64_t stride) {
  if (at::GradMode::is_enabled() && (requires_grad(input.x) || requires_grad(weight) || requires_grad(bias))) {
    return Depthwise3x3::apply(input.x, weight, optional(bias), optional(input.normalization), input.activation, stride);
  }
  at::AutoDispatchBelowADInplaceOrView below;
  return depthwise3x3_forward(input, weight, bias, stride);
}

}  // namespace pea
