// Kernels are compiled once for each set of instructions, into namespaces of their own; this chooses the fastest that
// the CPU (and its operating system) runs.
#pragma once

namespace pea {

enum class CpuCapability { kPortable, kAvx2, kAvx512, kAvx512Bf16 };

CpuCapability cpu_capability();

}  // namespace pea

#if defined(__x86_64__)
#define PEA_OF_CAPABILITIES(declaration) \
  namespace portable { declaration; }    \
  namespace avx2 { declaration; }        \
  namespace avx512 { declaration; }      \
  namespace avx512_bf16 { declaration; }
#define PEA_FASTEST(kernels)                                           \
  (cpu_capability() == CpuCapability::kAvx512Bf16 ? avx512_bf16::kernels \
   : cpu_capability() == CpuCapability::kAvx512   ? avx512::kernels      \
   : cpu_capability() == CpuCapability::kAvx2     ? avx2::kernels        \
                                                  : portable::kernels)
#else
#define PEA_OF_CAPABILITIES(declaration) \
  namespace portable { declaration; }
#define PEA_FASTEST(kernels) portable::kernels
#endif

// Declares the table `name` of each capability, and name(), the one for this CPU. Kernels themselves do not see the
// function: compiled for AVX-512, it must not be the copy that the linker keeps for a CPU without it.
#if defined(PEA_CAPABILITY)
#define PEA_KERNELS(Table, name) PEA_OF_CAPABILITIES(extern const Table name)
#else
#define PEA_KERNELS(Table, name)                      \
  PEA_OF_CAPABILITIES(extern const Table name)        \
  inline const Table& name() {                        \
    static const Table& chosen = PEA_FASTEST(name);   \
    return chosen;                                    \
  }
#endif
