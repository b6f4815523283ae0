#include "cpu_capability.h"

namespace pea {
namespace {

// The features are those that CMakeLists.txt compiles each copy with.
const EnsembleKernels& fastest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
    return avx512::kernels;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::kernels;
#endif
  return portable::kernels;
}

}  // namespace

const EnsembleKernels& ensemble_kernels() {
  static const EnsembleKernels& chosen = fastest();
  return chosen;
}

}  // namespace pea
