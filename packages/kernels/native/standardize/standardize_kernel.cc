#include "standardize/standardize_kernel.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

void standardize(const uint8_t* __restrict bytes, float* __restrict out, int64_t count,
                 const StandardizePattern& pattern) {
  const float* __restrict offset = pattern.offset;
  const float* __restrict scale = pattern.scale;
  for (int64_t done = 0; done < count; done += pattern.length) {
    const int64_t rest = count - done, length = rest < pattern.length ? rest : pattern.length;
#pragma omp simd
    for (int64_t i = 0; i < length; ++i)
      out[done + i] = (static_cast<float>(bytes[done + i]) - offset[i]) / scale[i];
  }
}

}  // namespace

const StandardizeKernels standardize_kernels = {standardize};

}  // namespace PEA_CAPABILITY
}  // namespace pea
