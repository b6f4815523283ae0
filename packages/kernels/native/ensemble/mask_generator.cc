#include "ensemble/mask_generator.h"

#include <cmath>
#include <initializer_list>

namespace pea {
namespace {

constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15u;  // 2^64 / φ, the increment of SplitMix64

// SplitMix64's output function (Steele, Lea and Flood 2014; variant 13 of Stafford): a bijection that mixes well.
uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

MaskKey mask_key(int64_t seed, int64_t site, int64_t step, uint32_t index_high) {
  uint64_t state = 0;
  for (const uint64_t word : {static_cast<uint64_t>(seed), static_cast<uint64_t>(site), static_cast<uint64_t>(step),
                              static_cast<uint64_t>(index_high)}) {
    state = mix((state ^ word) + kGoldenRatio);
  }
  const uint64_t first = mix(state + kGoldenRatio);
  const uint64_t second = mix(state + 2 * kGoldenRatio);
  return {static_cast<uint32_t>(first >> 32), static_cast<uint32_t>(first), static_cast<uint32_t>(second)};
}

uint32_t mask_limit(double alpha) { return static_cast<uint32_t>(std::ceil(std::ldexp(alpha, 32)) - 1); }

}  // namespace pea
