// Rows pass through the first-level cache in segments: what one short loop computes the next one finds there, so that
// the loops over element types and those over activations need not multiply. Compiled once per CPU capability, as
// elementary.h.
#pragma once

#include <cstdint>

#include "simd/bfloat16.h"
#include "simd/elements.h"

namespace pea {
namespace PEA_CAPABILITY {

constexpr int64_t kSegment = 512;

// What the loops read and write in place of bfloat16; float and double are used where they lie.
template <typename T>
class Buffer {
 public:
  PEA_INLINE const float* read(const BFloat16* from, int64_t count) {
    widen(from, values_, static_cast<uint32_t>(count));
    return values_;
  }
  PEA_INLINE float* place(BFloat16*) { return values_; }
  PEA_INLINE void write(BFloat16* to, int64_t count) { narrow(values_, to, static_cast<uint32_t>(count)); }

 private:
  alignas(64) float values_[kSegment];
};

template <typename F>
class DirectBuffer {
 public:
  PEA_INLINE const F* read(const F* from, int64_t) { return from; }
  PEA_INLINE F* place(F* to) { return to; }
  PEA_INLINE void write(F*, int64_t) {}
};
template <>
class Buffer<float> : public DirectBuffer<float> {};
template <>
class Buffer<double> : public DirectBuffer<double> {};

}  // namespace PEA_CAPABILITY
}  // namespace pea
