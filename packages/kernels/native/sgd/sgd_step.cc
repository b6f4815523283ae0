#include "sgd/sgd_step.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "tensor/memory_order.h"

namespace pea {
namespace {

constexpr char kName[] = "sgd_step_";
// Elements below which another thread costs more than it saves; libtorch's own grain.
constexpr int64_t kGrain = 32768;

// One parameter's memory; `first` counts the elements of those before it.
struct Piece {
  ElementType type;
  int64_t first, count;
  void* parameter;
  const void* gradient;
  void* velocity;
};

ElementType parameter_type(const at::Tensor& parameter) {
  switch (parameter.scalar_type()) {
    case at::kFloat: return ElementType::kFloat32;
    case at::kDouble: return ElementType::kFloat64;
    default:
      TORCH_CHECK_TYPE(false, kName, ": parameters must be float32 or float64, not ", parameter.scalar_type());
  }
}

void check_like(const at::Tensor& tensor, const char* what, const at::Tensor& parameter, size_t index) {
  TORCH_CHECK_VALUE(tensor.sizes() == parameter.sizes(), kName, ": ", what, " ", index, " has the shape ",
                    tensor.sizes(), ", its parameter has ", parameter.sizes(), "; they must be equal");
  TORCH_CHECK_TYPE(tensor.scalar_type() == parameter.scalar_type(), kName, ": ", what, " ", index, " is ",
                   tensor.scalar_type(), ", its parameter is ", parameter.scalar_type(), "; they must be equal");
}

void check(at::TensorList parameters, at::TensorList gradients, at::TensorList velocities,
           const SgdSettings& settings) {
  TORCH_CHECK_VALUE(gradients.size() == parameters.size(), kName, ": ", parameters.size(), " parameters, but ",
                    gradients.size(), " gradients");
  const size_t expected = settings.momentum == 0 ? 0 : parameters.size();
  TORCH_CHECK_VALUE(velocities.size() == expected, kName, ": with momentum ", settings.momentum, " there must be ",
                    expected, " velocities, not ", velocities.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    TORCH_CHECK(!(c10::GradMode::is_enabled() && parameters[i].requires_grad()), kName,
                ": parameters that require a gradient are changed in place; call it with gradients switched off "
                "(no_grad)");
    check_like(gradients[i], "gradient", parameters[i], i);
    if (!velocities.empty()) check_like(velocities[i], "velocity", parameters[i], i);
  }
}

// Elements [begin, end) of all pieces laid end to end.
void step_pieces(const std::vector<Piece>& pieces, int64_t begin, int64_t end, const SgdSettings& settings) {
  const auto after = [](int64_t element, const Piece& piece) { return element < piece.first; };
  auto piece = std::prev(std::upper_bound(pieces.begin(), pieces.end(), begin, after));
  for (; begin < end; ++piece) {
    const int64_t stop = std::min(end, piece->first + piece->count);
    sgd_kernels().step(piece->type, piece->parameter, piece->gradient, piece->velocity, begin - piece->first,
                       stop - piece->first, settings);
    begin = stop;
  }
}

// `memory` holds the new values of `tensor`, and is the tensor itself unless it had to be copied.
void finish(const at::Tensor& tensor, const at::Tensor& memory) {
  if (memory.is_same(tensor)) tensor.unsafeGetTensorImpl()->bump_version();
  else tensor.copy_(memory);
}

}  // namespace

void sgd_step(at::TensorList parameters, at::TensorList gradients, at::TensorList velocities,
              const SgdSettings& settings) {
  check(parameters, gradients, velocities, settings);
  std::vector<at::Tensor> parameter_memory, gradient_memory, velocity_memory;
  std::vector<Piece> pieces;
  int64_t total = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor parameter = dense(parameters[i]);
    const at::Tensor gradient = ordered_like(gradients[i], parameter);
    const at::Tensor velocity = velocities.empty() ? at::Tensor() : ordered_like(velocities[i], parameter);
    pieces.push_back({parameter_type(parameter), total, parameter.numel(), parameter.data_ptr(), gradient.data_ptr(),
                      velocity.defined() ? velocity.data_ptr() : nullptr});
    total += parameter.numel();
    parameter_memory.push_back(parameter);
    gradient_memory.push_back(gradient);
    velocity_memory.push_back(velocity);
  }
  at::parallel_for(0, total, kGrain,
                   [&](int64_t begin, int64_t end) { step_pieces(pieces, begin, end, settings); });
  for (size_t i = 0; i < parameters.size(); ++i) {
    finish(parameters[i], parameter_memory[i]);
    if (!velocities.empty()) finish(velocities[i], velocity_memory[i]);
  }
}

}  // namespace pea
