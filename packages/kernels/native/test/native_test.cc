// The kernels without libtorch, under the address and undefined-behaviour sanitizers: every capability of this CPU,
// every activation, ensemble and element type, at awkward lengths and offsets, against float64 formulas from libm.
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cpu_capability.h"
#include "ensemble_kernel.h"
#include "mask_generator.h"
#include "sgd_kernel.h"

namespace {

using namespace pea;

int failures = 0;

void expect(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "FAILED: %s\n", what.c_str());
  if (++failures > 20) std::exit(1);
}

struct Capability {
  const char* name;
  const EnsembleKernels* kernels;
  const SgdKernels* sgd;
};

std::vector<Capability> capabilities() {
  std::vector<Capability> result = {{"portable", &portable::kernels, &portable::sgd_kernels}};
#if defined(__x86_64__)
  // What this CPU was found to run, it and all below.
  const bool has_avx512 = &ensemble_kernels() == &avx512::kernels;
  if (has_avx512 || &ensemble_kernels() == &avx2::kernels) result.push_back({"avx2", &avx2::kernels, &avx2::sgd_kernels});
  if (has_avx512) result.push_back({"avx512", &avx512::kernels, &avx512::sgd_kernels});
#endif
  return result;
}

struct Value {
  double f, slope;
};

Value smooth_value(Smooth smooth, double x) {
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
  }
  std::abort();
}

Value ensemble_value(const EnsembleOptions& options, double x, uint64_t index) {
  const Value relu = x > 0 ? Value{x, 1} : Value{0, 0};
  const Value smooth = smooth_value(options.smooth, x);
  if (options.mode == Mode::kWeighted) {
    const double a = options.alpha;
    return {a * relu.f + (1 - a) * smooth.f, a * relu.slope + (1 - a) * smooth.slope};
  }
  if (options.alpha == 0) return smooth;
  const MaskKey key = mask_key(options.seed, options.site, options.step, static_cast<uint32_t>(index >> 32));
  return mask_draw(mask_counter(static_cast<uint32_t>(index), key), key) <= mask_limit(options.alpha) ? relu : smooth;
}

double decode(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float x;
  std::memcpy(&x, &wide, sizeof x);
  return x;
}
double decode(float x) { return x; }
double decode(double x) { return x; }

template <typename T>
T encode(double x) {
  return static_cast<T>(x);
}
template <>
uint16_t encode<uint16_t>(double x) {
  const float narrow = static_cast<float>(x);
  uint32_t bits;
  std::memcpy(&bits, &narrow, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

// [4 ulp of 1, as in spec recipes 5.4; half an ulp of bfloat16; float64 to rounding]
template <typename T>
constexpr double tolerance = sizeof(T) == 8 ? 1e-14 : sizeof(T) == 4 ? 4.0 / (1 << 24) : 1.0 / 256;

template <typename T>
void test_type(const Capability& capability, ElementType type, const EnsembleOptions& options, const std::string& name) {
  for (const int64_t count : {0, 1, 3, 15, 16, 17, 63, 511, 512, 513, 1025}) {
    for (const int64_t begin : {0, 1, 7}) {
      if (begin > count) continue;
      std::vector<T> x(count), grad(count), y(count), dx(count);
      for (int64_t i = 0; i < count; ++i) {
        x[i] = encode<T>(9 * std::sin(1.7 * static_cast<double>(i + count)));
        grad[i] = encode<T>(std::cos(0.9 * static_cast<double>(i)));
      }
      capability.kernels->forward(type, x.data(), y.data(), begin, count, options);
      capability.kernels->backward(type, grad.data(), x.data(), dx.data(), begin, count, options);
      for (int64_t i = begin; i < count; ++i) {
        const double value = decode(x[i]);
        const Value expected = ensemble_value(options, value, static_cast<uint64_t>(i));
        const double scale = std::max(1.0, std::fabs(value));
        expect(std::fabs(decode(y[i]) - expected.f) <= tolerance<T> * scale, name + " forward");
        expect(std::fabs(decode(dx[i]) - decode(grad[i]) * expected.slope) <= 1.3 * tolerance<T>, name + " backward");
      }
      for (int64_t i = 0; i < begin; ++i) expect(decode(y[i]) == 0, name + " wrote before its range");
    }
  }
}

void test_values(const Capability& capability) {
  const char* smooths[] = {"gelu", "swish", "mish", "elu"};
  for (int smooth = 0; smooth < 4; ++smooth) {
    for (const Mode mode : {Mode::kWeighted, Mode::kStochastic}) {
      for (const double alpha : {0.0, 0.3, 0.999}) {
        const EnsembleOptions options{static_cast<Smooth>(smooth), mode, alpha, -5, 3, 1'000'000'007};
        const std::string name = std::string(capability.name) + " " + smooths[smooth] +
                                 (mode == Mode::kWeighted ? " weighted " : " stochastic ") + std::to_string(alpha);
        test_type<float>(capability, ElementType::kFloat32, options, name + " float32");
        test_type<double>(capability, ElementType::kFloat64, options, name + " float64");
        test_type<uint16_t>(capability, ElementType::kBFloat16, options, name + " bfloat16");
      }
    }
  }
}

template <typename T>
void test_sgd(const Capability& capability, ElementType type) {
  for (const double momentum : {0.0, 0.9}) {
    for (const double decay : {0.0, 0.1}) {
      for (const bool nesterov : {false, true}) {
        for (const int64_t count : {0, 1, 7, 16, 33, 1025}) {
          const SgdSettings settings{0.3, momentum, decay, nesterov && momentum > 0};
          std::vector<T> p(count), g(count), v(momentum > 0 ? count : 0);
          for (int64_t i = 0; i < count; ++i) p[i] = std::sin(i), g[i] = std::cos(i);
          for (size_t i = 0; i < v.size(); ++i) v[i] = std::sin(3.0 * i);
          const std::vector<T> p_before = p, v_before = v;
          const int64_t begin = std::min<int64_t>(count, 3);
          capability.sgd->step(type, p.data(), g.data(), v.empty() ? nullptr : v.data(), begin, count, settings);
          for (int64_t i = 0; i < count; ++i) {
            const double gradient = g[i] + decay * p_before[i];
            const double velocity = v.empty() ? gradient : momentum * v_before[i] + gradient;
            const double update = settings.nesterov ? gradient + momentum * velocity : velocity;
            const double expected = i < begin ? p_before[i] : p_before[i] - 0.3 * update;
            expect(std::fabs(p[i] - expected) <= 2 * tolerance<T>, std::string(capability.name) + " SGD");
            if (v.empty()) continue;
            const double kept = i < begin ? v_before[i] : velocity;
            expect(std::fabs(v[i] - kept) <= 2 * tolerance<T>, std::string(capability.name) + " SGD's velocity");
          }
        }
      }
    }
  }
}

// Element 2^32 starts new key words; the kernel must cross the border as the generator says. The memory is only
// reserved: 17 GB of addresses, of which two pages are touched.
void test_beyond_32_bits(const Capability& capability) {
  constexpr int64_t kBorder = int64_t(1) << 32, kBegin = kBorder - 300, kEnd = kBorder + 300;
  const size_t bytes = static_cast<size_t>(kEnd) * sizeof(float);
  const auto reserve = [&] {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) std::perror("mmap"), std::exit(1);
    return static_cast<float*>(memory);
  };
  float* x = reserve();
  float* y = reserve();
  for (int64_t i = kBegin; i < kEnd; ++i) x[i] = -1;
  const EnsembleOptions options{Smooth::kElu, Mode::kStochastic, 0.5, 1, 2, 3};
  capability.kernels->forward(ElementType::kFloat32, x, y, kBegin, kEnd, options);
  for (int64_t i = kBegin; i < kEnd; ++i) {
    const double expected = ensemble_value(options, -1, static_cast<uint64_t>(i)).f;
    expect(std::fabs(y[i] - expected) < 1e-6, std::string(capability.name) + " beyond element 2^32");
  }
  munmap(x, bytes);
  munmap(y, bytes);
}

// The same words stand in test/mask.test.ts: the masks are part of the file format of a resumed run.
void test_golden_masks() {
  const auto bits = [](uint64_t first) {
    uint32_t word = 0;
    for (uint64_t i = 0; i < 32; ++i) {
      const MaskKey key = mask_key(1, 2, 3, static_cast<uint32_t>((first + i) >> 32));
      const bool relu = mask_draw(mask_counter(static_cast<uint32_t>(first + i), key), key) <= mask_limit(0.5);
      word |= static_cast<uint32_t>(relu) << i;
    }
    return word;
  };
  const auto check = [&](uint64_t first, uint32_t expected) {
    char text[80];
    std::snprintf(text, sizeof text, "mask at %llu is 0x%08x", static_cast<unsigned long long>(first), bits(first));
    expect(bits(first) == expected, text);
  };
  check(0, 0xb2fd22e4u);
  check((uint64_t(1) << 32) - 16, 0x40e4a1d0u);
  check(uint64_t(5) << 40, 0x33c48e38u);
}

}  // namespace

int main() {
  for (const Capability& capability : capabilities()) {
    test_values(capability);
    test_sgd<float>(capability, ElementType::kFloat32);
    test_sgd<double>(capability, ElementType::kFloat64);
    test_beyond_32_bits(capability);
    std::printf("%s ", capability.name);
  }
  test_golden_masks();
  std::printf(failures == 0 ? "passed\n" : "FAILED\n");
  return failures == 0 ? 0 : 1;
}
