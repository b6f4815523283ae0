#include "batch_norm/links.h"

#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/graph_task.h>
#include <torch/version.h>

namespace pea {

bool sees_gradient(const torch::autograd::Node& node) {
  if (!node.pre_hooks().empty()) return true;
#if TORCH_VERSION_MAJOR >= 2
  auto& tensor_hooks = const_cast<torch::autograd::Node&>(node);
  if (!tensor_hooks.tensor_pre_hooks().empty() || !tensor_hooks.retains_grad_hooks().empty()) return true;
#endif
  const auto* const asked = torch::autograd::get_current_graph_task_exec_info();
  if (asked == nullptr) return false;
  const auto found = asked->find(const_cast<torch::autograd::Node*>(&node));
  return found != asked->end() && found->second.captures_ != nullptr;
}

}  // namespace pea
