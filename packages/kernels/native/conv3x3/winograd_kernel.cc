#include "conv3x3/winograd_kernel.h"

#include "convolution/frequency_transforms.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Calls body(row of the matrices, row and column of the first output, first pixel of its image) for tiles [begin, end).
template <typename Body>
inline void for_each_tile(const TileGrid& grid, int64_t begin, int64_t end, const Body& body) {
  int64_t column = begin % grid.columns(), row = begin / grid.columns() % grid.rows();
  int64_t image = begin / (grid.columns() * grid.rows());
  for (int64_t tile = begin; tile < end; ++tile) {
    body(tile - begin, 2 * row, 2 * column, image * grid.height * grid.width);
    if (++column < grid.columns()) continue;
    column = 0;
    if (++row < grid.rows()) continue;
    row = 0;
    ++image;
  }
}

// The matrices of the header times a column of vectors.

// Bᵀ
inline void input_line(const Floats (&x)[4], Floats (&to)[4]) {
  to[0] = x[0] - x[2];
  to[1] = x[1] + x[2];
  to[2] = x[2] - x[1];
  to[3] = x[1] - x[3];
}

// A
inline void gradient_line(const Floats (&dy)[2], Floats (&to)[4]) {
  to[0] = dy[0];
  to[1] = dy[0] + dy[1];
  to[2] = dy[0] - dy[1];
  to[3] = -dy[1];
}

// Aᵀ
inline void output_line(const Floats (&m)[4], Floats (&to)[2]) {
  to[0] = m[0] + m[1] + m[2];
  to[1] = m[1] - m[2] - m[3];
}

// G
inline void filter_line(const Floats (&w)[3], Floats (&to)[4]) {
  const Floats even = 0.5f * (w[0] + w[2]), odd = 0.5f * w[1];
  to[0] = w[0];
  to[1] = even + odd;
  to[2] = even - odd;
  to[3] = w[2];
}

// Gᵀ
inline void filter_gradient_line(const Floats (&u)[4], Floats (&to)[3]) {
  const Floats even = 0.5f * (u[1] + u[2]);
  to[0] = u[0] + even;
  to[1] = 0.5f * (u[1] - u[2]);
  to[2] = u[3] + even;
}

// M x Mᵀ of squares, row by row, where the line is M: it is applied to the columns, then to the rows.
template <int kFrom, int kTo, Transform<kFrom, kTo> kLine>
inline void transform_square(const Floats (&from)[kFrom * kFrom], Floats (&to)[kTo * kTo]) {
  Floats half[kTo][kFrom];
#pragma GCC unroll 4
  for (int j = 0; j < kFrom; ++j) {
    Floats column[kFrom], changed[kTo];
#pragma GCC unroll 4
    for (int i = 0; i < kFrom; ++i) column[i] = from[i * kFrom + j];
    kLine(column, changed);
#pragma GCC unroll 4
    for (int i = 0; i < kTo; ++i) half[i][j] = changed[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < kTo; ++i) {
    Floats row[kTo];
    kLine(half[i], row);
#pragma GCC unroll 4
    for (int j = 0; j < kTo; ++j) to[i * kTo + j] = row[j];
  }
}

// Transforms squares of kSide pixels, `count` of their channels; a square begins `margin` pixels before its tile.
template <int kSide, Transform<kSide, 4> kLine>
inline void transform_pixels(const float* x, int64_t margin, const TileGrid& grid, int64_t channels, int64_t count,
                             const Matrices& to, int64_t begin, int64_t end) {
  for_each_tile(grid, begin, end, [&](int64_t row, int64_t top, int64_t left, int64_t first_pixel) {
    for (int64_t panel = 0; panel * kPanel < count; ++panel) {
      const float* pixels[kSide][kSide];
      for (int64_t i = 0; i < kSide; ++i) {
        for (int64_t j = 0; j < kSide; ++j) {
          const int64_t h = top - margin + i, w = left - margin + j;
          const bool inside = h >= 0 && h < grid.height && w >= 0 && w < grid.width;
          pixels[i][j] = inside ? x + (first_pixel + h * grid.width + w) * channels + panel * kPanel : kZeros;
        }
      }
      float* const out = to.at(0, panel, row);
      const int64_t left_over = count - panel * kPanel, width = left_over < kPanel ? left_over : kPanel;
      for (int64_t c = 0; c < width; c += kFloatLanes) {
        Floats square[kSide * kSide], frequencies[kFrequencies];
#pragma GCC unroll 16
        for (int i = 0; i < kSide * kSide; ++i) square[i] = load<Floats>(pixels[i / kSide][i % kSide] + c);
        transform_square<kSide, 4, kLine>(square, frequencies);
        store_frequencies(frequencies, out + c, to.frequency_stride);
      }
    }
  });
}

void transform_input(const float* x, const TileGrid& grid, int64_t channels, const Matrices& to, int64_t begin,
                     int64_t end) {
  transform_pixels<4, input_line>(x, /*margin=*/1, grid, channels, channels, to, begin, end);
}

void transform_gradient(const float* dy, const TileGrid& grid, int64_t channels, int64_t count, const Matrices& to,
                        int64_t begin, int64_t end) {
  transform_pixels<2, gradient_line>(dy, /*margin=*/0, grid, channels, count, to, begin, end);
}

void transform_output(const Matrices& m, const float* bias, float* y, const TileGrid& grid, int64_t channels,
                      int64_t begin, int64_t end) {
  for_each_tile(grid, begin, end, [&](int64_t row, int64_t top, int64_t left, int64_t first_pixel) {
    float* const pixel = y + (first_pixel + top * grid.width + left) * channels;
    const bool has_right = left + 1 < grid.width, has_below = top + 1 < grid.height;
    for (int64_t c = 0; c < channels; c += kFloatLanes) {
      Floats frequencies[kFrequencies], outputs[4];
      load_frequencies(m.at(0, 0, row) + column_offset(m, c), m.frequency_stride, frequencies);
      transform_square<4, 2, output_line>(frequencies, outputs);
      const Floats offset = bias == nullptr ? Floats{} : load<Floats>(bias + c);
#pragma GCC unroll 2
      for (int64_t i = 0; i < 2; ++i) {
        if (i == 1 && !has_below) break;
        float* const at = pixel + i * grid.width * channels + c;
        store(outputs[2 * i] + offset, at);
        if (has_right) store(outputs[2 * i + 1] + offset, at + channels);
      }
    }
  });
}

}  // namespace

const WinogradKernels winograd_kernels = {
    transform_input,
    transform_gradient,
    transform_output,
    transform_filters<9, kFrequencies, transform_square<3, 4, filter_line>>,
    transform_filters_turned<9, kFrequencies, transform_square<3, 4, filter_line>>,
    transform_filter_gradient<9, kFrequencies, transform_square<4, 3, filter_gradient_line>>};

}  // namespace PEA_CAPABILITY
}  // namespace pea
