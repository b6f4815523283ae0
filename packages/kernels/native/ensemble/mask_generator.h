// The masks of the stochastic ensemble: a counter-based generator. The draw of an element is a function of
// (seed, site, step, the element's index in memory order) alone, so that the backward pass recomputes it, any thread
// can start anywhere, and a resumed run draws what the interrupted one would have drawn.
//
// The key words absorb (seed, site, step, high half of the index) in 64 bits, once per 2^32 elements. A draw then costs
// nine 32-bit operations that vectorize on every CPU: a Weyl sequence (the index times an odd number, an addition from
// one element to the next) and two rounds of xorshift and multiplication, whose shifts and multipliers come from Chris
// Wellons' hash-prospector search, with a key word in each step. Without the Weyl sequence the first round would be
// affine in the index's low bits, and elements 4096 apart measurably dependent. The search's last xorshift touches low
// bits alone, and the draw is only compared with a limit: it is left out. All factors are below 2^31, so that int64
// arithmetic computes the same without overflow (src/mask.ts does).
#pragma once

#include <cstdint>

namespace pea {

struct MaskKey {
  uint32_t before, between, after;
};

// Key of the elements whose index has this high half (index >> 32).
MaskKey mask_key(int64_t seed, int64_t site, int64_t step, uint32_t index_high);

constexpr uint32_t kMaskIncrement = 0x61c88647u;  // 2^32 / φ², odd

// What mask_draw takes for the element whose index has this low half; kMaskIncrement more is the next element's.
inline __attribute__((always_inline)) uint32_t mask_counter(uint32_t index_low, MaskKey key) {
  return index_low * kMaskIncrement + key.before;
}

// 32 uniform random bits, the high ones the best. Counter: uint32_t, or a vector of some.
template <typename Counter>
inline __attribute__((always_inline)) Counter mask_draw(Counter counter, MaskKey key) {
  Counter x = counter;
  x ^= x >> 16;
  x = x * 0x21f0aaadu + key.between;
  x ^= x >> 15;
  return x * 0x735a2d97u + key.after;
}

// The largest draw that means ReLU, for 0 < alpha < 1: draw <= limit if and only if draw / 2^32 < alpha.
uint32_t mask_limit(double alpha);

}  // namespace pea
