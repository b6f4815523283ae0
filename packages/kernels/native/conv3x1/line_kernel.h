// The loops of pea::conv3x1 over memory; free of libtorch for the reason in ensemble_kernel.h.
//
// A convolution with 3 taps along one axis by Winograd's minimal filtering F(4, 3) (minimal_filtering.h): each of the 6
// places ("frequencies") of 4 outputs is a product of matrices of its own, tiles × inputs by inputs × outputs.
#pragma once

#include "convolution/frequency_kernel.h"

namespace pea {

constexpr int64_t kLineFrequencies = 6, kTileOutputs = 4;

// Lines of pixels of images in channels_last, along the window's axis, read as if zeros were before and behind. Pixels
// that lie `dilation` apart are a line of their own for the window; of its outputs 4 at a time are a tile, and tiles at
// one position of all lines follow each other.
struct Lines {
  int64_t count, length, dilation;  // the dilation is at most the length
  int64_t line_stride, step_stride;  // elements between neighbouring lines, and between neighbouring pixels of a line

  int64_t positions() const {
    const int64_t longer = length % dilation, pixels = length / dilation;
    return longer * tiles_of(pixels + 1) + (dilation - longer) * tiles_of(pixels);
  }
  int64_t tiles() const { return positions() * count; }

  static int64_t tiles_of(int64_t pixels) { return (pixels + kTileOutputs - 1) / kTileOutputs; }
};

struct LineKernels {
  // Bᵀ x of tiles [begin, end); the first becomes row 0. x points to the first pixel of the first line.
  void (*transform_input)(const float* x, const Lines& lines, int64_t channels, const Matrices& to, int64_t begin,
                          int64_t end);

  // A dy of tiles [begin, end), the transpose of what `transform_output` does, for `channels` from dy on, where the first
  // pixel of the first line lies.
  void (*transform_gradient)(const float* dy, const Lines& lines, int64_t channels, const Matrices& to, int64_t begin,
                             int64_t end);

  // y = Aᵀ m + bias for tiles [begin, end), whose first is row 0 of m. bias may be null.
  void (*transform_output)(const Matrices& m, const float* bias, float* y, const Lines& lines, int64_t channels,
                           int64_t begin, int64_t end);

  // G w for a block of kChannelBlock outputs from `output` on and `count` of the inputs: row i, column o of
  // `to`. w is [outputs, 3, inputs].
  void (*transform_weights)(const float* w, int64_t inputs, int64_t count, const Matrices& to, int64_t output);

  // The same of the weights with the taps turned round: row o, column i.
  void (*transform_weights_turned)(const float* w, int64_t inputs, int64_t count, const Matrices& to, int64_t output);

  // dw = Gᵀ u for a block of kChannelBlock outputs from `output` on and `count` of the inputs, or dw += …: row o,
  // column i of u.
  void (*transform_weight_gradient)(const Matrices& u, int64_t inputs, int64_t count, float* dw, int64_t output, bool add);
};

PEA_KERNELS(LineKernels, line_kernels)

}  // namespace pea
