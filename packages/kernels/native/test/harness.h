// What the native tests share: expectations, the capabilities of this CPU, and the ensembles by libm in float64.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "batch_norm/batch_norm_kernel.h"
#include "conv3x1/line_kernel.h"
#include "conv3x3/winograd_kernel.h"
#include "convolution/frequency_kernel.h"
#include "depthwise/depthwise_kernel.h"
#include "ensemble/ensemble_kernel.h"
#include "ensemble/mask_generator.h"
#include "extremes/extremes_kernel.h"
#include "max_pool/max_pool_kernel.h"
#include "pointwise/pointwise_kernel.h"
#include "sgd/sgd_kernel.h"
#include "simd/cpu_capability.h"
#include "standardize/standardize_kernel.h"

namespace pea::test {

inline int failures = 0;

inline void expect(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "FAILED: %s\n", what.c_str());
  if (++failures > 20) std::exit(1);
}

struct Capability {
  const char* name;
  const EnsembleKernels* ensemble;
  const BatchNormKernels* batch_norm;
  const DepthwiseKernels* depthwise;
  const ExtremesKernels* extremes;
  const FrequencyKernels* frequency;
  const LineKernels* line;
  const MaxPoolKernels* max_pool;
  const PointwiseKernels* pointwise;
  const SgdKernels* sgd;
  const StandardizeKernels* standardize;
  const WinogradKernels* winograd;
};

// Those that this CPU was found to run, it and all below.
inline std::vector<Capability> capabilities() {
#define PEA_CAPABILITY_NAMED(name)                                                                 \
  Capability {                                                                                     \
    #name, &name::ensemble_kernels, &name::batch_norm_kernels, &name::depthwise_kernels,           \
        &name::extremes_kernels, &name::frequency_kernels, &name::line_kernels,                    \
        &name::max_pool_kernels, &name::pointwise_kernels, &name::sgd_kernels,                     \
        &name::standardize_kernels, &name::winograd_kernels                                        \
  }
  std::vector<Capability> result = {PEA_CAPABILITY_NAMED(portable)};
#if defined(__x86_64__)
  const CpuCapability found = cpu_capability();
  if (found >= CpuCapability::kAvx2) result.push_back(PEA_CAPABILITY_NAMED(avx2));
  if (found >= CpuCapability::kAvx512) result.push_back(PEA_CAPABILITY_NAMED(avx512));
  if (found >= CpuCapability::kAvx512Bf16) result.push_back(PEA_CAPABILITY_NAMED(avx512_bf16));
#endif
#undef PEA_CAPABILITY_NAMED
  return result;
}

// `count` zeros, which end where the address sanitizer sees it. Of tensors beyond 2^32 elements only the addresses are
// reserved: memory goes to the pages that a test touches.
template <typename T>
class Memory {
 public:
  explicit Memory(int64_t count) : count_(count), is_reserved_(count > int64_t(1) << 30) {
    data_ = is_reserved_ ? reserve() : new T[count]();
  }
  ~Memory() {
    if (is_reserved_) munmap(data_, bytes());
    else delete[] data_;
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  T* data() const { return data_; }
  T& operator[](int64_t i) const { return data_[i]; }

 private:
  size_t bytes() const { return static_cast<size_t>(count_) * sizeof(T); }

  T* reserve() const {
    void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) std::perror("mmap"), std::exit(1);
    return static_cast<T*>(memory);
  }

  int64_t count_;
  bool is_reserved_;
  T* data_;
};

struct Value {
  double f, slope;
};

inline Value smooth_value(Smooth smooth, double x) {
  switch (smooth) {
    case Smooth::kGelu: {
      const double cdf = 0.5 * std::erfc(-x / std::sqrt(2.0));
      return {x * cdf, cdf + x * std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI)};
    }
    case Smooth::kSwish: {
      const double s = 1 / (1 + std::exp(-x));
      return {x * s, s * (1 + x * (1 - s))};
    }
    case Smooth::kMish: {
      const double t = std::tanh(std::log1p(std::exp(x))), s = 1 / (1 + std::exp(-x));
      return {x * t, t + x * s * (1 - t * t)};
    }
    case Smooth::kElu: return x > 0 ? Value{x, 1} : Value{std::expm1(x), std::exp(x)};
    case Smooth::kHardswish:
      if (std::fabs(x) >= 3) return x > 0 ? Value{x, 1} : Value{0, 0};
      return {x * (x + 3) / 6, (2 * x + 3) / 6};
    case Smooth::kGeluTanh: {
      const double k = std::sqrt(2 / M_PI), t = std::tanh(k * (x + 0.044715 * x * x * x));
      return {x * (1 + t) / 2, (1 + t) / 2 + x * (1 - t * t) * k * (1 + 0.134145 * x * x) / 2};
    }
    case Smooth::kBSilu: {
      const double s = 1 / (1 + std::exp(-x));
      return {(x + 1.67) * s - 0.835, s * (1 + (x + 1.67) * (1 - s))};
    }
  }
  std::abort();
}

inline Value ensemble_value(const EnsembleOptions& options, double x, uint64_t index) {
  const Value relu = x >= options.bound ? Value{options.bound, 0} : x > 0 ? Value{x, 1} : Value{0, 0};
  const Value sharp = smooth_value(options.smooth, options.beta * x);
  const Value smooth{sharp.f / options.beta, sharp.slope};
  if (options.mode != Mode::kStochastic) {
    const double a = options.alpha;
    const Value weighted{a * relu.f + (1 - a) * smooth.f, a * relu.slope + (1 - a) * smooth.slope};
    return options.mode == Mode::kWeighted ? weighted : Value{relu.f, weighted.slope};
  }
  if (options.alpha == 0) return smooth;
  const auto block = static_cast<uint64_t>(options.draws.block), period = static_cast<uint64_t>(options.draws.period);
  const uint64_t draw = index / block * period + index % block % period;
  const MaskKey key = mask_key(options.seed, options.site, options.step, static_cast<uint32_t>(draw >> 32));
  return mask_draw(mask_counter(static_cast<uint32_t>(draw), key), key) <= mask_limit(options.alpha) ? relu : smooth;
}

inline double decode(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float x;
  std::memcpy(&x, &wide, sizeof x);
  return x;
}
inline double decode(float x) { return x; }
inline double decode(double x) { return x; }

template <typename T>
inline T encode(double x) {
  return static_cast<T>(x);
}
template <>
inline uint16_t encode<uint16_t>(double x) {
  const float narrow = static_cast<float>(x);
  uint32_t bits;
  std::memcpy(&bits, &narrow, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

// The name of T in ElementType; bfloat16 is stored as its bits.
template <typename T>
constexpr ElementType element_type = sizeof(T) == 8   ? ElementType::kFloat64
                                     : sizeof(T) == 4 ? ElementType::kFloat32
                                                      : ElementType::kBFloat16;

// [4 ulp of 1, as in spec recipes 5.4; half an ulp of bfloat16; float64 to rounding]
template <typename T>
constexpr double tolerance = sizeof(T) == 8 ? 1e-14 : sizeof(T) == 4 ? 4.0 / (1 << 24) : 1.0 / 256;

template <typename T>
inline void fill(const Memory<T>& memory, int64_t count, double phase) {
  for (int64_t i = 0; i < count; ++i) memory[i] = encode<T>(std::sin(phase + 1.3 * static_cast<double>(i)));
}

template <typename T>
inline void expect_near(const Memory<T>& actual, const std::vector<double>& expected, double scale, const std::string& what) {
  for (size_t i = 0; i < expected.size(); ++i) {
    expect(std::fabs(decode(actual[static_cast<int64_t>(i)]) - expected[i]) <= tolerance<T> * scale, what);
  }
}

void test_batch_norm(const Capability& capability);
void test_depthwise(const Capability& capability);
void test_extremes(const Capability& capability);
void test_line(const Capability& capability);
void test_max_pool(const Capability& capability);
void test_pointwise(const Capability& capability);
void test_sgd(const Capability& capability);
void test_standardize(const Capability& capability);
void test_winograd(const Capability& capability);

}  // namespace pea::test
