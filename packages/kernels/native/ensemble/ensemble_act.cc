#include "ensemble/ensemble_act.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "ensemble/ensemble_kernel.h"
#include "tensor/dtype.h"
#include "tensor/memory_order.h"

namespace pea {
namespace {

// Threads take whole blocks, so that no two of them write to one cache line.
constexpr int64_t kBlock = 1024;
// Blocks below which another thread costs more than it saves; libtorch's own grain, in elements.
constexpr int64_t kGrain = 32768 / kBlock;

template <typename Range>
void parallel_ranges(int64_t count, const Range& range) {
  at::parallel_for(0, (count + kBlock - 1) / kBlock, kGrain, [&](int64_t first, int64_t last) {
    range(first * kBlock, std::min(last * kBlock, count));
  });
}

// Results larger than this are streamed past the caches: whoever reads them next reads them from memory anyway. It is
// the last-level cache of a group of cores on servers of today; what the system tells is the sum of all groups of a
// machine of which a guest may have two cores.
constexpr size_t kStreamedBytes = size_t(32) << 20;

bool is_streamed(const at::Tensor& result) {
  return result.nbytes() > kStreamedBytes && reinterpret_cast<uintptr_t>(result.data_ptr()) % 64 == 0;
}

void check_gradient(const at::Tensor& grad, const at::Tensor& x) {
  TORCH_CHECK_VALUE(grad.sizes() == x.sizes(), "ensemble_act_backward: grad has the shape ", grad.sizes(),
                    ", x has ", x.sizes(), "; they must be equal");
  TORCH_CHECK_TYPE(grad.scalar_type() == x.scalar_type(), "ensemble_act_backward: grad is ", grad.scalar_type(),
                   ", x is ", x.scalar_type(), "; they must be equal");
  TORCH_CHECK_VALUE(grad.device() == x.device(), "ensemble_act_backward: grad is on ", grad.device(), ", x is on ",
                    x.device(), "; they must be on one device");
}

bool is_float(double value) { return std::isfinite(static_cast<float>(value)); }

Smooth smooth_of(const std::string& name) {
#define PEA_NAMED(word, Activation) \
  if (name == #word) return Smooth::k##Activation;
  PEA_SMOOTH_ACTIVATIONS(PEA_NAMED)
#undef PEA_NAMED
#define PEA_WORD(word, Activation) #word ", "
  TORCH_CHECK_VALUE(false, "ensemble_act: smooth must be one of ", PEA_SMOOTH_ACTIVATIONS(PEA_WORD) "not '", name, "'");
#undef PEA_WORD
}

Mode mode_of(const std::string& name) {
  if (name == "weighted") return Mode::kWeighted;
  if (name == "stochastic") return Mode::kStochastic;
  TORCH_CHECK_VALUE(name == "surrogate", "ensemble_act: mode must be weighted, stochastic or surrogate, not '", name,
                    "'");
  return Mode::kSurrogate;
}

int64_t elements_behind(const at::Tensor& x, int64_t dim) {
  const at::IntArrayRef behind = x.sizes().slice(std::min(dim + 1, x.dim()));
  return std::max<int64_t>(c10::multiply_integers(behind), 1);
}

DrawPattern draw_pattern(const at::Tensor& x, at::MemoryFormat format, const std::string& masks) {
  if (masks == "element") return {};
  if (masks == "sample") return {elements_behind(x, 0), 1};
  TORCH_CHECK_VALUE(masks == "channel", "ensemble_act: masks must be element, channel or sample, not '", masks, "'");
  if (format == at::MemoryFormat::ChannelsLast) return {elements_behind(x, 0), x.size(1)};
  return {elements_behind(x, 1), 1};
}

}  // namespace

EnsembleOptions ensemble_options(const at::Tensor& x, at::MemoryFormat format, const EnsembleArguments& arguments) {
  const auto& [smooth, mode, alpha, seed, site, step, beta, bound, masks] = arguments;
  EnsembleOptions options{smooth_of(smooth), mode_of(mode), alpha, seed, site, step, beta, kNoBound, {}};
  TORCH_CHECK_VALUE(alpha >= 0 && alpha <= 1, "ensemble_act: alpha must be in [0, 1], not ", alpha);
  TORCH_CHECK_VALUE(beta > 0 && is_float(beta) && is_float(1 / beta),
                    "ensemble_act: beta must be a number above 0 that float32 can hold, not ", beta);
  element_type(x, "ensemble_act");
  if (bound.has_value()) {
    TORCH_CHECK_VALUE(*bound > 0, "ensemble_act: bound must be a number above 0, not ", *bound);
    options.bound = *bound;
  }
  if (options.mode == Mode::kStochastic) options.draws = draw_pattern(x, format, masks);
  return options;
}

EnsembleOptions ensemble_act_options(const at::Tensor& x, const EnsembleArguments& arguments) {
  // What has gaps or repeats is walked as a contiguous copy.
  const bool is_contiguous = x.is_contiguous() || !x.is_non_overlapping_and_dense();
  const bool is_channels_last = x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast);
  TORCH_CHECK_VALUE(arguments.masks == "element" || is_channels_last || is_contiguous,
                    "ensemble_act: with masks for a ", arguments.masks,
                    " x must be contiguous or channels_last, and not have the strides ", x.strides());
  return ensemble_options(x, is_contiguous ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast, arguments);
}

at::Tensor relu_of(const at::Tensor& x, const EnsembleOptions& options) {
  return is_cut_off(options) ? at::hardtanh(x, 0, options.bound) : at::relu(x);
}

at::Tensor ensemble_act_cpu(const at::Tensor& x, const EnsembleArguments& arguments) {
  const EnsembleOptions options = ensemble_act_options(x, arguments);
  if (options.alpha == 1) return relu_of(x, options);  // bit-equal to the plain network
  const at::Tensor input = dense(x);
  at::Tensor output = at::empty_like(input);
  const void* from = input.data_ptr();
  void* to = output.data_ptr();
  const ElementType type = element_type(x, "ensemble_act");
  const bool streamed = is_streamed(output);
  parallel_ranges(input.numel(), [&](int64_t begin, int64_t end) {
    ensemble_kernels().forward(type, from, to, begin, end, options, streamed);
  });
  return output;
}

at::Tensor ensemble_act_backward_cpu(const at::Tensor& grad, const at::Tensor& x, const EnsembleArguments& arguments) {
  const EnsembleOptions options = ensemble_act_options(x, arguments);
  check_gradient(grad, x);
  if (options.alpha == 1) {
    return is_cut_off(options) ? at::hardtanh_backward(grad, x, 0, options.bound) : at::threshold_backward(grad, x, 0);
  }
  const at::Tensor input = dense(x);
  const at::Tensor gradient = ordered_like(grad, input);
  at::Tensor output = at::empty_like(input);
  const void* from_gradient = gradient.data_ptr();
  const void* from = input.data_ptr();
  void* to = output.data_ptr();
  const ElementType type = element_type(x, "ensemble_act");
  const bool streamed = is_streamed(output);
  parallel_ranges(input.numel(), [&](int64_t begin, int64_t end) {
    ensemble_kernels().backward(type, from_gradient, from, to, begin, end, options, streamed);
  });
  return output;
}

at::Tensor ensemble_act_meta(const at::Tensor& x, const EnsembleArguments& arguments) {
  ensemble_act_options(x, arguments);
  return at::empty_like(x);
}

at::Tensor ensemble_act_backward_meta(const at::Tensor& grad, const at::Tensor& x, const EnsembleArguments& arguments) {
  ensemble_act_options(x, arguments);
  check_gradient(grad, x);
  return at::empty_like(x);
}

}  // namespace pea
