// What convolutions by Winograd's minimal filtering share: tiles of images and weights are transformed, and each place of
// the tile ("frequency") is a product of matrices of its own, tiles × inputs by inputs × outputs. Free of libtorch for the
// reason in ensemble_kernel.h.
#pragma once

#include <cstdint>

#include "simd/cpu_capability.h"

namespace pea {

// Neighbouring channels of one row of a matrix. The channels of a convolution are a multiple of kChannelBlock.
constexpr int64_t kPanel = 64, kChannelBlock = 16;

// One matrix for each frequency. Column c of row r stands at [frequency][c / kPanel][r][c % kPanel].
struct Matrices {
  float* data;
  int64_t frequency_stride, panel_stride, row_stride;

  float* at(int64_t frequency, int64_t panel, int64_t row) const {
    return data + frequency * frequency_stride + panel * panel_stride + row * row_stride;
  }

  // Without the rows before one.
  Matrices from_row(int64_t row) const { return {at(0, 0, row), frequency_stride, panel_stride, row_stride}; }
};

// Sums of `terms` products each are added up: fewer terms round less, and take longer.
struct FrequencyKernels {
  // c = a b for one panel of `width` columns (a multiple of kChannelBlock), stored in rows of kPanel; a is
  // [rows, depth] in rows of `stride`.
  void (*multiply)(const float* a, int64_t stride, const float* b, float* c, int64_t rows, int64_t depth, int64_t width,
                   int64_t terms);

  // c = aᵀ b, or c += …; a is a panel [depth, rows].
  void (*multiply_transposed)(const float* a, const float* b, float* c, int64_t rows, int64_t depth, int64_t width,
                              int64_t terms, bool add);
};

PEA_KERNELS(FrequencyKernels, frequency_kernels)

}  // namespace pea
