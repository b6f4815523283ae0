#include "max_pool/max_pool_autograd.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace pea {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What the backward pass needs besides the positions.
struct PooledInput {
  std::vector<int64_t> sizes;
  at::MemoryFormat format;
  MaxPoolWindow window;
};

void save(AutogradContext* context, const PooledInput& input) {
  auto& saved = context->saved_data;
  const auto list = [](const PoolPair& pair) { return std::vector<int64_t>(pair.begin(), pair.end()); };
  saved["sizes"] = input.sizes;
  saved["format"] = static_cast<int64_t>(input.format);
  saved["size"] = list(input.window.size);
  saved["stride"] = list(input.window.stride);
  saved["padding"] = list(input.window.padding);
  saved["dilation"] = list(input.window.dilation);
}

PooledInput saved_input(const AutogradContext* context) {
  const auto& saved = context->saved_data;
  const auto pair = [&](const char* name) {
    const std::vector<int64_t> values = saved.at(name).toIntVector();
    return PoolPair{values[0], values[1]};
  };
  return {saved.at("sizes").toIntVector(), static_cast<at::MemoryFormat>(saved.at("format").toInt()),
          {pair("size"), pair("stride"), pair("padding"), pair("dilation")}};
}

// A node of its own, so that `create_graph` works as far as first derivatives go.
struct MaxPoolBackward : torch::autograd::Function<MaxPoolBackward> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& grad, const at::Tensor& positions,
                            const PooledInput& input) {
    return max_pool_backward(grad, positions, input.sizes, input.format, input.window);
  }

  static variable_list backward(AutogradContext*, const variable_list&) {
    TORCH_CHECK_NOT_IMPLEMENTED(false,
                                "pea::max_pool2d has no second derivative. For double backward, use libtorch's own "
                                "(PEA_KERNELS=off in TypeScript).");
  }
};

struct MaxPool : torch::autograd::Function<MaxPool> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const MaxPoolWindow& window) {
    context->set_materialize_grads(false);
    const MaxPoolOutput output = max_pool_forward(x, window, /*with_positions=*/true);
    context->save_for_backward({output.positions});
    save(context, {x.sizes().vec(), x.suggest_memory_format(), window});
    return output.y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    if (!grads[0].defined()) return {at::Tensor(), at::Tensor()};
    const variable_list saved = context->get_saved_variables();
    return {MaxPoolBackward::apply(grads[0], saved[0], saved_input(context)), at::Tensor()};
  }
};

}  // namespace

at::Tensor max_pool_autograd(const at::Tensor& x, const MaxPoolWindow& window) {
  if (at::GradMode::is_enabled() && x.requires_grad()) return MaxPool::apply(x, window);
  at::AutoDispatchBelowADInplaceOrView below;
  return max_pool_forward(x, window, /*with_positions=*/false).y;
}

}  // namespace pea
