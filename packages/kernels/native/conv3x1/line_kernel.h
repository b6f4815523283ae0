// The loops of pea::conv3x1 over memory; free of libtorch for the reason in ensemble_kernel.h.
//
// A convolution with 3 taps along one axis, by Winograd's minimal filtering F(4, 3): 4 outputs come of 6 inputs by 6
// multiplications instead of 12,
//
//   y = Aᵀ [(G w) ⊙ (Bᵀ x)],    summed over the input channels before Aᵀ is applied.
//
// The 6 places ("frequencies") are the values of polynomials at 0, ±a, ±b and ∞:
//
//   Bᵀ = a²b²    0   -a²-b²    0     1  0      G = 1/a²b²      0     0       A = 1   0   0   0
//          0  ∓ab²    -b²     ±a     1  0           g_a     ±a g_a  a² g_a       1  ±a  a² ±a³
//          0  ∓a²b    -a²     ±b     1  0           g_b     ±b g_b  b² g_b       1  ±b  b² ±b³
//          0  a²b²     0    -a²-b²   0  1            0         0     1           0   0   0   1
//
// with g_a = 1/(2a²(a² - b²)) and g_b = 1/(2b²(b² - a²)). The usual points ±1 and ±2 round worse than a direct
// convolution by more than twice; these were searched for the least growth of rounding errors (a 0.68, b 1.53) and have
// squares that float32 holds. The transposes give the weights' gradient. [Lavin and Gray, Fast Algorithms for
// Convolutional Neural Networks, 2015; Barabasz et al., Error Analysis and Improving the Accuracy of Winograd Convolution
// for Deep Neural Networks, 2020]
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

  // G w for a block of kChannelBlock outputs from `output` on: row i, column o of `to`. w is [outputs, 3, inputs].
  void (*transform_weights)(const float* w, int64_t inputs, const Matrices& to, int64_t output);

  // The same of the weights with the taps turned round: row o, column i.
  void (*transform_weights_turned)(const float* w, int64_t inputs, const Matrices& to, int64_t output);

  // dw = Gᵀ u for a block of kChannelBlock outputs from `output` on, or dw += …: row o, column i of u.
  void (*transform_weight_gradient)(const Matrices& u, int64_t inputs, float* dw, int64_t output, bool add);
};

PEA_KERNELS(LineKernels, line_kernels)

}  // namespace pea
