// The loops of pea::conv3x3 over memory; free of libtorch for the reason in ensemble_kernel.h.
//
// A 3×3 convolution of stride 1 by Winograd's minimal filtering (minimal_filtering.h): F(2, 3) or F(4, 3) down and across.
// R×S outputs come of (R + 2)×(S + 2) inputs by as many multiplications: 16 for 2×2, 24 for 2×4 and 36 for 4×4 instead of
// 36, 72 and 144,
//
//   y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ x B)] A,    summed over the input channels before A is applied; left of the brackets, and of
//                                      x and w, are the matrices of the filtering down, right of them those across,
//
// so that each of the places of the tile ("frequencies") is a product of matrices of its own: tiles × inputs by inputs ×
// outputs. Its transposes give both gradients. Larger tiles round more.
#pragma once

#include "convolution/frequency_kernel.h"

namespace pea {

// Rows and columns of a tile's outputs.
struct TileShape {
  int64_t rows, columns;

  constexpr int64_t frequencies() const { return (rows + 2) * (columns + 2); }
};

constexpr TileShape kSmallTile{2, 2}, kLowTile{2, 4}, kHighTile{4, 4};

// Images in channels_last, read as if a pixel of zeros were on each side, and the tiles that cover their outputs, image
// after image and row after row.
struct TileGrid {
  int64_t images, height, width;
  TileShape tile;

  int64_t rows() const { return (height + tile.rows - 1) / tile.rows; }
  int64_t columns() const { return (width + tile.columns - 1) / tile.columns; }
  int64_t tiles() const { return images * rows() * columns(); }
  int64_t frequencies() const { return tile.frequencies(); }
};

// For tiles of one shape, which the grid has.
struct TileKernels {
  // Bᵀ x B of tiles [begin, end); the first becomes row 0. x is [N, H, W, channels].
  void (*transform_input)(const float* x, const TileGrid& grid, int64_t channels, const Matrices& to, int64_t begin,
                          int64_t end);

  // A dy Aᵀ of tiles [begin, end), the transpose of what `transform_output` does, for `count` of the channels; dy
  // points to the first of them.
  void (*transform_gradient)(const float* dy, const TileGrid& grid, int64_t channels, int64_t count,
                             const Matrices& to, int64_t begin, int64_t end);

  // y = Aᵀ m A + bias for tiles [begin, end), whose first is row 0 of m, and `count` of the channels; y points to the first
  // of them, and bias, which may be null.
  void (*transform_output)(const Matrices& m, const float* bias, float* y, const TileGrid& grid, int64_t channels,
                           int64_t count, int64_t begin, int64_t end);

  // G w Gᵀ for a block of kChannelBlock outputs from `output` on and `count` of the inputs: row i, column o
  // of `to`. w is [outputs, 3, 3, inputs].
  void (*transform_weights)(const float* w, int64_t inputs, int64_t count, const Matrices& to, int64_t output);

  // The same of the weights turned by half a turn: row o, column i.
  void (*transform_weights_turned)(const float* w, int64_t inputs, int64_t count, const Matrices& to, int64_t output);

  // dw = Gᵀ u G for a block of kChannelBlock outputs from `output` on and `count` of the inputs, or dw += …: row o,
  // column i of u.
  void (*transform_weight_gradient)(const Matrices& u, int64_t inputs, int64_t count, float* dw, int64_t output, bool add);
};

struct WinogradKernels {
  TileKernels small, low, high;

  const TileKernels& of(const TileShape& tile) const {
    return tile.rows == kHighTile.rows ? high : tile.columns == kLowTile.columns ? low : small;
  }
};

PEA_KERNELS(WinogradKernels, winograd_kernels)

}  // namespace pea
