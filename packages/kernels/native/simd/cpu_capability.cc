#include "simd/cpu_capability.h"

namespace pea {

// The features are those that CMakeLists.txt compiles each copy with.
CpuCapability cpu_capability() {
#if defined(__x86_64__)
  const bool has_fma = __builtin_cpu_supports("fma");
  if (has_fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return __builtin_cpu_supports("avx512bf16") ? CpuCapability::kAvx512Bf16 : CpuCapability::kAvx512;
  }
  if (has_fma && __builtin_cpu_supports("avx2")) return CpuCapability::kAvx2;
#endif
  return CpuCapability::kPortable;
}

}  // namespace pea
