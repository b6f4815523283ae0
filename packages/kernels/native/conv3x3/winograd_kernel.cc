#include "conv3x3/winograd_kernel.h"

#include "convolution/minimal_filtering.h"
#include "simd/elements.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Calls body(row of the matrices, row and column of the first output, first pixel of its image) for tiles [begin, end).
template <typename Body>
inline void for_each_tile(const TileGrid& grid, int64_t begin, int64_t end, const Body& body) {
  int64_t column = begin % grid.columns(), row = begin / grid.columns() % grid.rows();
  int64_t image = begin / (grid.columns() * grid.rows());
  for (int64_t tile = begin; tile < end; ++tile) {
    body(tile - begin, grid.tile.rows * row, grid.tile.columns * column, image * grid.height * grid.width);
    if (++column < grid.columns()) continue;
    column = 0;
    if (++row < grid.rows()) continue;
    row = 0;
    ++image;
  }
}

// Rectangles, row by row: one transform is applied to their columns, then another to the rows that result.
template <int kRows, int kToRows, Transform<kRows, kToRows> kDown, int kColumns, int kToColumns,
          Transform<kColumns, kToColumns> kAcross>
inline void transform_rectangle(const Floats (&from)[kRows * kColumns], Floats (&to)[kToRows * kToColumns]) {
  Floats half[kToRows][kColumns];
#pragma GCC unroll 6
  for (int j = 0; j < kColumns; ++j) {
    Floats column[kRows], changed[kToRows];
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) column[i] = from[i * kColumns + j];
    kDown(column, changed);
#pragma GCC unroll 6
    for (int i = 0; i < kToRows; ++i) half[i][j] = changed[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < kToRows; ++i) {
    Floats row[kToColumns];
    kAcross(half[i], row);
#pragma GCC unroll 6
    for (int j = 0; j < kToColumns; ++j) to[i * kToColumns + j] = row[j];
  }
}

// Transforms rectangles of pixels, `count` of their channels; a rectangle begins `margin` pixels before its tile.
template <int kRows, int kColumns, int kFrequencies, Transform<kRows * kColumns, kFrequencies> kTransform>
inline void transform_pixels(const float* x, int64_t margin, const TileGrid& grid, int64_t channels, int64_t count,
                             const Matrices& to, int64_t begin, int64_t end) {
  for_each_tile(grid, begin, end, [&](int64_t row, int64_t top, int64_t left, int64_t first_pixel) {
    for (int64_t panel = 0; panel * kPanel < count; ++panel) {
      const float* pixels[kRows * kColumns];
      for (int64_t i = 0; i < kRows; ++i) {
        for (int64_t j = 0; j < kColumns; ++j) {
          const int64_t h = top - margin + i, w = left - margin + j;
          const bool inside = h >= 0 && h < grid.height && w >= 0 && w < grid.width;
          pixels[i * kColumns + j] =
              inside ? x + (first_pixel + h * grid.width + w) * channels + panel * kPanel : kZeros;
        }
      }
      float* const out = to.at(0, panel, row);
      const int64_t width = smaller(count - panel * kPanel, kPanel);
      for (int64_t c = 0; c < width; c += kFloatLanes) {
        Floats rectangle[kRows * kColumns], frequencies[kFrequencies];
#pragma GCC unroll 36
        for (int i = 0; i < kRows * kColumns; ++i) rectangle[i] = load<Floats>(pixels[i] + c);
        kTransform(rectangle, frequencies);
        store_frequencies(frequencies, out + c, to.frequency_stride);
      }
    }
  });
}

// Of the filtering down the columns of a tile, and across its rows.
template <typename Down, typename Across>
struct Tile {
  static constexpr int kRows = Down::kOutputs, kInputRows = kRows + 2;
  static constexpr int kColumns = Across::kOutputs, kInputColumns = kColumns + 2;
  static constexpr int kOutputs = kRows * kColumns, kFrequencies = kInputRows * kInputColumns;

  static void transform_input(const float* x, const TileGrid& grid, int64_t channels, const Matrices& to, int64_t begin,
                              int64_t end) {
    constexpr auto kTransform =
        transform_rectangle<kInputRows, kInputRows, Down::input, kInputColumns, kInputColumns, Across::input>;
    transform_pixels<kInputRows, kInputColumns, kFrequencies, kTransform>(x, /*margin=*/1, grid, channels, channels, to,
                                                                          begin, end);
  }

  static void transform_gradient(const float* dy, const TileGrid& grid, int64_t channels, int64_t count,
                                 const Matrices& to, int64_t begin, int64_t end) {
    constexpr auto kTransform =
        transform_rectangle<kRows, kInputRows, Down::gradient, kColumns, kInputColumns, Across::gradient>;
    transform_pixels<kRows, kColumns, kFrequencies, kTransform>(dy, /*margin=*/0, grid, channels, count, to, begin, end);
  }

  static void transform_output(const Matrices& m, const float* bias, float* y, const TileGrid& grid, int64_t channels,
                               int64_t count, int64_t begin, int64_t end) {
    constexpr auto kTransform =
        transform_rectangle<kInputRows, kRows, Down::output, kInputColumns, kColumns, Across::output>;
    for_each_tile(grid, begin, end, [&](int64_t row, int64_t top, int64_t left, int64_t first_pixel) {
      float* const pixel = y + (first_pixel + top * grid.width + left) * channels;
      const int64_t rows = smaller(grid.height - top, kRows), columns = smaller(grid.width - left, kColumns);
      for (int64_t c = 0; c < count; c += kFloatLanes) {
        Floats frequencies[kFrequencies], outputs[kOutputs];
        load_frequencies(m.at(0, 0, row) + column_offset(m, c), m.frequency_stride, frequencies);
        kTransform(frequencies, outputs);
        const Floats offset = bias == nullptr ? Floats{} : load<Floats>(bias + c);
#pragma GCC unroll 4
        for (int64_t i = 0; i < kRows; ++i) {
          if (i == rows) break;
          float* const at = pixel + i * grid.width * channels + c;
#pragma GCC unroll 4
          for (int64_t j = 0; j < kColumns; ++j) {
            if (j == columns) break;
            store(outputs[i * kColumns + j] + offset, at + j * channels);
          }
        }
      }
    });
  }

  static constexpr TileKernels kernels() {
    constexpr auto kFilter = transform_rectangle<3, kInputRows, Down::filter, 3, kInputColumns, Across::filter>;
    constexpr auto kFilterGradient =
        transform_rectangle<kInputRows, 3, Down::filter_gradient, kInputColumns, 3, Across::filter_gradient>;
    return {transform_input,
            transform_gradient,
            transform_output,
            transform_filters<9, kFrequencies, kFilter>,
            transform_filters_turned<9, kFrequencies, kFilter>,
            transform_filter_gradient<9, kFrequencies, kFilterGradient>};
  }
};

}  // namespace

const WinogradKernels winograd_kernels = {Tile<TwoOutputs, TwoOutputs>::kernels(), Tile<TwoOutputs, FourOutputs>::kernels(),
                                          Tile<FourOutputs, FourOutputs>::kernels()};

}  // namespace PEA_CAPABILITY
}  // namespace pea
