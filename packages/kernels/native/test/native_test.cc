// The kernels without libtorch, under the address and undefined-behaviour sanitizers: every capability of this CPU,
// every activation, ensemble and element type, at awkward lengths and offsets, against float64 formulas from libm.
#include <algorithm>
#include <new>

#include "test/harness.h"

namespace {

using namespace pea;
using namespace pea::test;

// As streamed stores need it.
template <typename T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};
  T* allocate(size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kAlignment)); }
  void deallocate(T* memory, size_t) { ::operator delete(memory, kAlignment); }
};

template <typename T>
void test_type(const Capability& capability, const EnsembleOptions& options, const std::string& name) {
  for (const int64_t count : {0, 1, 3, 15, 16, 17, 63, 511, 512, 513, 1025}) {
    for (const int64_t begin : {0, 1, 7, 64}) {
      if (begin > count) continue;
      const bool streamed = begin == 64;
      std::vector<T> x(count), grad(count);
      std::vector<T, AlignedAllocator<T>> y(count), dx(count);
      for (int64_t i = 0; i < count; ++i) {
        x[i] = encode<T>(9 * std::sin(1.7 * static_cast<double>(i + count)));
        grad[i] = encode<T>(std::cos(0.9 * static_cast<double>(i)));
      }
      capability.ensemble->forward(element_type<T>, x.data(), y.data(), begin, count, options, streamed);
      capability.ensemble->backward(element_type<T>, grad.data(), x.data(), dx.data(), begin, count, options,
                                    streamed);
      for (int64_t i = begin; i < count; ++i) {
        const double value = decode(x[i]);
        const Value expected = ensemble_value(options, value, static_cast<uint64_t>(i));
        const double scale = std::max({1.0, std::fabs(value), std::fabs(expected.f)});
        expect(std::fabs(decode(y[i]) - expected.f) <= tolerance<T> * scale, name + " forward");
        expect(std::fabs(decode(dx[i]) - decode(grad[i]) * expected.slope) <= 1.3 * tolerance<T>, name + " backward");
      }
      for (int64_t i = 0; i < begin; ++i) expect(decode(y[i]) == 0, name + " wrote before its range");
    }
  }
}

void test_types(const Capability& capability, const EnsembleOptions& options, const std::string& name) {
  test_type<float>(capability, options, name + " float32");
  test_type<double>(capability, options, name + " float64");
  test_type<uint16_t>(capability, options, name + " bfloat16");
}

void test_values(const Capability& capability) {
  const char* smooths[] = {"gelu", "swish", "mish", "elu", "hardswish", "gelu-tanh", "b-silu"};
  const char* modes[] = {" weighted ", " stochastic ", " surrogate "};
  for (int smooth = 0; smooth < 7; ++smooth) {
    for (const Mode mode : {Mode::kWeighted, Mode::kStochastic, Mode::kSurrogate}) {
      for (const double alpha : {0.0, 0.3, 0.999}) {
        // Slopes are steep where the smooth activation is near to ReLU: rounding of beta x would be seen there.
        const double beta = alpha == 0.3 ? 2 : 1;
        const std::string name = std::string(capability.name) + " " + smooths[smooth] +
                                 modes[static_cast<int>(mode)] + std::to_string(alpha);
        EnsembleOptions options{static_cast<Smooth>(smooth), mode, alpha, -5, 3, 1'000'000'007, beta};
        test_types(capability, options, name);
        options.bound = 2;
        test_types(capability, options, name + " cut off");
        if (alpha != 0.3) continue;
        for (const DrawPattern& draws : {DrawPattern{9, 1}, DrawPattern{520, 1}, DrawPattern{42, 6}, DrawPattern{800, 8}}) {
          options.draws = draws;
          test_types(capability, options, name + " with draws that are shared");
        }
      }
    }
  }
}

// Element 2^32 starts new key words; the kernel must cross the border as the generator says.
void test_beyond_32_bits(const Capability& capability) {
  constexpr int64_t kBorder = int64_t(1) << 32, kBegin = kBorder - 300, kEnd = kBorder + 300;
  const Memory<float> x(kEnd), y(kEnd);
  for (int64_t i = kBegin; i < kEnd; ++i) x[i] = -1;
  EnsembleOptions options{Smooth::kElu, Mode::kStochastic, 0.5, 1, 2, 3};
  for (const double bound : {kNoBound, 2.0}) {
    options.bound = bound;
    capability.ensemble->forward(ElementType::kFloat32, x.data(), y.data(), kBegin, kEnd, options, false);
    for (int64_t i = kBegin; i < kEnd; ++i) {
      const double expected = ensemble_value(options, -1, static_cast<uint64_t>(i)).f;
      expect(std::fabs(y[i] - expected) < 1e-6, std::string(capability.name) + " beyond element 2^32");
    }
  }
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
    test_batch_norm(capability);
    test_depthwise(capability);
    test_extremes(capability);
    test_line(capability);
    test_max_pool(capability);
    test_pointwise(capability);
    test_sgd(capability);
    test_standardize(capability);
    test_winograd(capability);
    test_beyond_32_bits(capability);
    std::printf("%s ", capability.name);
  }
  test_golden_masks();
  std::printf(failures == 0 ? "passed\n" : "FAILED\n");
  return failures == 0 ? 0 : 1;
}
