// The loops of Winograd's transforms that do not depend on the window's shape. Compiled once per CPU capability, as
// elementary.h.
#pragma once

#include "convolution/frequency_kernel.h"
#include "simd/vectors.h"

namespace pea {
namespace PEA_CAPABILITY {

using Floats = Vector<float>;
constexpr int64_t kFloatLanes = kLanesOf<float>;

// Where padding is read from.
alignas(64) inline constexpr float kZeros[kPanel] = {};

// Column `channel` of a row.
PEA_INLINE int64_t column_offset(const Matrices& matrices, int64_t channel) {
  return channel / kPanel * matrices.panel_stride + channel % kPanel;
}

// A vector of each frequency.
template <int kCount>
PEA_INLINE void load_frequencies(const float* from, int64_t stride, Floats (&to)[kCount]) {
#pragma GCC unroll 36
  for (int64_t frequency = 0; frequency < kCount; ++frequency) to[frequency] = load<Floats>(from + frequency * stride);
}

template <int kCount>
PEA_INLINE void store_frequencies(const Floats (&from)[kCount], float* to, int64_t stride) {
#pragma GCC unroll 36
  for (int64_t frequency = 0; frequency < kCount; ++frequency) store(from[frequency], to + frequency * stride);
}

// From one number of vectors to another.
template <int kFrom, int kTo>
using Transform = void (*)(const Floats (&from)[kFrom], Floats (&to)[kTo]);

// One tap of a block of weights, whose outputs lie `stride` apart: input i, output o.
PEA_INLINE void turn_block(const float* w, int64_t stride, float (&to)[kChannelBlock][kChannelBlock]) {
  for (int64_t i = 0; i < kChannelBlock; i += kFloatLanes) {
    for (int64_t o = 0; o < kChannelBlock; o += kFloatLanes) {
      Floats square[kFloatLanes];
#pragma GCC unroll 16
      for (int64_t row = 0; row < kFloatLanes; ++row) square[row] = load<Floats>(w + (o + row) * stride + i);
      transpose(square);
#pragma GCC unroll 16
      for (int64_t row = 0; row < kFloatLanes; ++row) store(square[row], &to[i + row][o]);
    }
  }
}

// Transforms a block of kChannelBlock outputs from `output` on of the weights w, [outputs, taps, inputs], and `count` of the
// inputs: row i, column o of `to`.
template <int kTaps, int kCount, Transform<kTaps, kCount> kTransform>
void transform_filters(const float* w, int64_t inputs, int64_t count, const Matrices& to, int64_t output) {
  alignas(64) float turned[kTaps][kChannelBlock][kChannelBlock];
  for (int64_t input = 0; input < count; input += kChannelBlock) {
    for (int64_t tap = 0; tap < kTaps; ++tap) {
      turn_block(w + (output * kTaps + tap) * inputs + input, kTaps * inputs, turned[tap]);
    }
    for (int64_t i = 0; i < kChannelBlock; ++i) {
      float* const row = to.at(0, 0, input + i) + column_offset(to, output);
      for (int64_t o = 0; o < kChannelBlock; o += kFloatLanes) {
        Floats filter[kTaps], frequencies[kCount];
#pragma GCC unroll 9
        for (int64_t tap = 0; tap < kTaps; ++tap) filter[tap] = load<Floats>(&turned[tap][i][o]);
        kTransform(filter, frequencies);
        store_frequencies(frequencies, row + o, to.frequency_stride);
      }
    }
  }
}

// The same with the taps from the last to the first: row o, column i.
template <int kTaps, int kCount, Transform<kTaps, kCount> kTransform>
void transform_filters_turned(const float* w, int64_t inputs, int64_t count, const Matrices& to, int64_t output) {
  for (int64_t o = output; o < output + kChannelBlock; ++o) {
    for (int64_t i = 0; i < count; i += kFloatLanes) {
      Floats filter[kTaps], frequencies[kCount];
#pragma GCC unroll 9
      for (int64_t tap = 0; tap < kTaps; ++tap) {
        filter[kTaps - 1 - tap] = load<Floats>(w + (o * kTaps + tap) * inputs + i);
      }
      kTransform(filter, frequencies);
      store_frequencies(frequencies, to.at(0, 0, o) + column_offset(to, i), to.frequency_stride);
    }
  }
}

template <int kTaps, int kCount, Transform<kCount, kTaps> kTransform, bool kAdd>
inline void filter_gradient(const Matrices& u, int64_t inputs, int64_t count, float* dw, int64_t output) {
  for (int64_t o = output; o < output + kChannelBlock; ++o) {
    for (int64_t i = 0; i < count; i += kFloatLanes) {
      Floats frequencies[kCount], filter[kTaps];
      load_frequencies(u.at(0, 0, o) + column_offset(u, i), u.frequency_stride, frequencies);
      kTransform(frequencies, filter);
#pragma GCC unroll 9
      for (int64_t tap = 0; tap < kTaps; ++tap) {
        float* const at = dw + (o * kTaps + tap) * inputs + i;
        store(kAdd ? load<Floats>(at) + filter[tap] : filter[tap], at);
      }
    }
  }
}

// The gradient dw of a block of kChannelBlock outputs from `output` on and `count` of the inputs, or what is added to it:
// row o, column i of u.
template <int kTaps, int kCount, Transform<kCount, kTaps> kTransform>
void transform_filter_gradient(const Matrices& u, int64_t inputs, int64_t count, float* dw, int64_t output, bool add) {
  const auto run = add ? filter_gradient<kTaps, kCount, kTransform, true>
                       : filter_gradient<kTaps, kCount, kTransform, false>;
  run(u, inputs, count, dw, output);
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
