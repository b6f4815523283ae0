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

}  // namespace

EnsembleOptions ensemble_options(const at::Tensor& x, const std::string& smooth, const std::string& mode, double alpha,
                                 int64_t seed, int64_t site, int64_t step, double beta) {
  EnsembleOptions options{smooth_of(smooth), Mode::kWeighted, alpha, seed, site, step, beta};

  if (mode == "weighted") options.mode = Mode::kWeighted;
  else if (mode == "stochastic") options.mode = Mode::kStochastic;
  else if (mode == "surrogate") options.mode = Mode::kSurrogate;
  else TORCH_CHECK_VALUE(false, "ensemble_act: mode must be weighted, stochastic or surrogate, not '", mode, "'");

  TORCH_CHECK_VALUE(alpha >= 0 && alpha <= 1, "ensemble_act: alpha must be in [0, 1], not ", alpha);
  TORCH_CHECK_VALUE(beta > 0 && is_float(beta) && is_float(1 / beta),
                    "ensemble_act: beta must be a number above 0 that float32 can hold, not ", beta);
  element_type(x, "ensemble_act");
  return options;
}

at::Tensor ensemble_act_cpu(const at::Tensor& x, const std::string& smooth, const std::string& mode, double alpha,
                            int64_t seed, int64_t site, int64_t step, double beta) {
  const EnsembleOptions options = ensemble_options(x, smooth, mode, alpha, seed, site, step, beta);
  if (alpha == 1) return at::relu(x);  // bit-equal to the plain network
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

at::Tensor ensemble_act_backward_cpu(const at::Tensor& grad, const at::Tensor& x, const std::string& smooth,
                                     const std::string& mode, double alpha, int64_t seed,
                                     int64_t site, int64_t step, double beta) {
  const EnsembleOptions options = ensemble_options(x, smooth, mode, alpha, seed, site, step, beta);
  check_gradient(grad, x);
  if (alpha == 1) return at::threshold_backward(grad, x, 0);
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

at::Tensor ensemble_act_meta(const at::Tensor& x, const std::string& smooth, const std::string& mode, double alpha,
                             int64_t seed, int64_t site, int64_t step, double beta) {
  ensemble_options(x, smooth, mode, alpha, seed, site, step, beta);
  return at::empty_like(x);
}

at::Tensor ensemble_act_backward_meta(const at::Tensor& grad, const at::Tensor& x, const std::string& smooth,
                                      const std::string& mode, double alpha, int64_t seed, int64_t site,
                                      int64_t step, double beta) {
  ensemble_options(x, smooth, mode, alpha, seed, site, step, beta);
  check_gradient(grad, x);
  return at::empty_like(x);
}

}  // namespace pea
