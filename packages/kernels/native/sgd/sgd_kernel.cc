#include "sgd/sgd_kernel.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Rounds once where the CPU can and twice where not, as libtorch's `add(…, alpha)` does, so that the update is bit for
// bit the one composed of its operators. For the same reason this file is compiled without contraction: momentum · v
// is rounded before g is added.
#if defined(__FMA__) || defined(__aarch64__)
inline float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double multiply_add(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
template <typename F>
inline F multiply_add(F a, F b, F c) {
  return a * b + c;
}
#endif

template <typename F, bool kMomentum>
void step_range(F* __restrict parameter, const F* __restrict grad, F* __restrict velocity, int64_t count,
                const SgdSettings& settings) {
  const auto rate = static_cast<F>(-settings.lr);
  const auto momentum = static_cast<F>(settings.momentum);
  const auto decay = static_cast<F>(settings.weight_decay);
  const bool decays = settings.weight_decay != 0, nesterov = settings.nesterov;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const F p = parameter[i];
    F update = decays ? multiply_add(p, decay, grad[i]) : grad[i];
    if (kMomentum) {
      const F v = momentum * velocity[i] + update;
      velocity[i] = v;
      update = nesterov ? multiply_add(v, momentum, update) : v;
    }
    parameter[i] = multiply_add(update, rate, p);
  }
}

template <typename F>
void step_elements(void* parameter, const void* grad, void* velocity, int64_t begin, int64_t end,
                   const SgdSettings& settings) {
  F* const p = static_cast<F*>(parameter) + begin;
  const F* const g = static_cast<const F*>(grad) + begin;
  if (velocity == nullptr) step_range<F, false>(p, g, nullptr, end - begin, settings);
  else step_range<F, true>(p, g, static_cast<F*>(velocity) + begin, end - begin, settings);
}

void step(ElementType type, void* parameter, const void* grad, void* velocity, int64_t begin, int64_t end,
          const SgdSettings& settings) {
  if (type == ElementType::kFloat64) step_elements<double>(parameter, grad, velocity, begin, end, settings);
  else step_elements<float>(parameter, grad, velocity, begin, end, settings);
}

}  // namespace

const SgdKernels sgd_kernels = {step};

}  // namespace PEA_CAPABILITY
}  // namespace pea
