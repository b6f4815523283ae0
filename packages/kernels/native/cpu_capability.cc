#include "cpu_capability.h"

namespace pea {
namespace {

// The features are those that CMakeLists.txt compiles each copy with.
#if defined(__x86_64__)
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

#define PEA_FASTEST(kernels) \
  (has_avx512() ? avx512::kernels : has_avx2() ? avx2::kernels : portable::kernels)
#else
#define PEA_FASTEST(kernels) portable::kernels
#endif

}  // namespace

const EnsembleKernels& ensemble_kernels() {
  static const EnsembleKernels& chosen = PEA_FASTEST(kernels);
  return chosen;
}

const BatchNormKernels& batch_norm_kernels() {
  static const BatchNormKernels& chosen = PEA_FASTEST(batch_norm_kernels);
  return chosen;
}

const MaxPoolKernels& max_pool_kernels() {
  static const MaxPoolKernels& chosen = PEA_FASTEST(max_pool_kernels);
  return chosen;
}

const SgdKernels& sgd_kernels() {
  static const SgdKernels& chosen = PEA_FASTEST(sgd_kernels);
  return chosen;
}

const StandardizeKernels& standardize_kernels() {
  static const StandardizeKernels& chosen = PEA_FASTEST(standardize_kernels);
  return chosen;
}

const WinogradKernels& winograd_kernels() {
  static const WinogradKernels& chosen = PEA_FASTEST(winograd_kernels);
  return chosen;
}

}  // namespace pea
