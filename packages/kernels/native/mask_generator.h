// The masks of the stochastic ensemble: a counter-based generator. The draw of an element is a function of
// (seed, site, step, the element's index in memory order) alone, so that the backward pass recomputes it, any thread
// can start anywhere, and a resumed run draws what the interrupted one would have drawn.
//
// The key words absorb (seed, site, step, high half of the index) in 64 bits, once per 2^32 elements. A draw then costs
// nine 32-bit operations that vectorize on every CPU: two rounds of xorshift and multiplication (shifts and multipliers
// from Chris Wellons' hash-prospector search, of nearly ideal avalanche) with a key word before, between and after. The
// draw is only ever compared with a limit, so the last xorshift of the original, which touches low bits alone, is left
// out. Both multipliers are below 2^31: int64 arithmetic computes the same without overflow (src/mask.ts does).
#pragma once

#include <cstdint>

namespace pea {

struct MaskKey {
  uint32_t before, between, after;
};

// Key of the elements whose index has this high half (index >> 32).
MaskKey mask_key(int64_t seed, int64_t site, int64_t step, uint32_t index_high);

// 32 uniform random bits, the high ones the best, for the element whose index has this low half.
inline __attribute__((always_inline)) uint32_t mask_draw(uint32_t index_low, MaskKey key) {
  uint32_t x = index_low + key.before;
  x ^= x >> 16;
  x = x * 0x21f0aaadu + key.between;
  x ^= x >> 15;
  return x * 0x735a2d97u + key.after;
}

// The largest draw that means ReLU, for 0 < alpha < 1: draw <= limit if and only if draw / 2^32 < alpha.
uint32_t mask_limit(double alpha);

}  // namespace pea
