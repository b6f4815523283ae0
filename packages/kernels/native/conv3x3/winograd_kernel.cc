#include "conv3x3/winograd_kernel.h"

#include "simd/product.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

using Floats = Vector<float>;
constexpr int64_t kLanes = kLanesOf<float>;

PEA_INLINE Floats load(const float* from) { return PEA_CAPABILITY::load<Floats>(from); }

// Column `channel` of a row.
inline int64_t column_offset(const Matrices& matrices, int64_t channel) {
  return channel / kPanel * matrices.panel_stride + channel % kPanel;
}

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
template <int kFrom, int kTo>
using Line = void (*)(const Floats (&from)[kFrom], Floats (&to)[kTo]);

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

// M x Mᵀ, where the line is M: it is applied to the columns, then to the rows.
template <int kFrom, int kTo, Line<kFrom, kTo> kLine>
inline void transform_square(const Floats (&from)[kFrom][kFrom], Floats (&to)[kTo][kTo]) {
  Floats half[kTo][kFrom];
#pragma GCC unroll 4
  for (int j = 0; j < kFrom; ++j) {
    Floats column[kFrom], changed[kTo];
#pragma GCC unroll 4
    for (int i = 0; i < kFrom; ++i) column[i] = from[i][j];
    kLine(column, changed);
#pragma GCC unroll 4
    for (int i = 0; i < kTo; ++i) half[i][j] = changed[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < kTo; ++i) kLine(half[i], to[i]);
}

// A vector of each frequency.
inline void load_frequencies(const float* from, int64_t stride, Floats (&to)[4][4]) {
#pragma GCC unroll 16
  for (int64_t frequency = 0; frequency < kFrequencies; ++frequency) {
    to[frequency / 4][frequency % 4] = load(from + frequency * stride);
  }
}

inline void store_frequencies(const Floats (&from)[4][4], float* to, int64_t stride) {
#pragma GCC unroll 16
  for (int64_t frequency = 0; frequency < kFrequencies; ++frequency) {
    store(from[frequency / 4][frequency % 4], to + frequency * stride);
  }
}

// Where padding is read from.
alignas(64) const float kZeros[kPanel] = {};

// Transforms squares of kSide pixels, `count` of their channels; a square begins `margin` pixels before its tile.
template <int kSide, Line<kSide, 4> kLine>
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
      for (int64_t c = 0; c < width; c += kLanes) {
        Floats square[kSide][kSide], frequencies[4][4];
#pragma GCC unroll 4
        for (int i = 0; i < kSide; ++i) {
#pragma GCC unroll 4
          for (int j = 0; j < kSide; ++j) square[i][j] = load(pixels[i][j] + c);
        }
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
    for (int64_t c = 0; c < channels; c += kLanes) {
      Floats frequencies[4][4], outputs[2][2];
      load_frequencies(m.at(0, 0, row) + column_offset(m, c), m.frequency_stride, frequencies);
      transform_square<4, 2, output_line>(frequencies, outputs);
      const Floats offset = bias == nullptr ? Floats{} : load(bias + c);
#pragma GCC unroll 2
      for (int64_t i = 0; i < 2; ++i) {
        if (i == 1 && !has_below) break;
        float* const at = pixel + i * grid.width * channels + c;
        store(outputs[i][0] + offset, at);
        if (has_right) store(outputs[i][1] + offset, at + channels);
      }
    }
  });
}

// G g Gᵀ of vectors of weights.
inline void transform_filter(const Floats (&g)[3][3], float* to, int64_t frequency_stride) {
  Floats frequencies[4][4];
  transform_square<3, 4, filter_line>(g, frequencies);
  store_frequencies(frequencies, to, frequency_stride);
}

void transform_weights(const float* w, int64_t inputs, const Matrices& to, int64_t output) {
  alignas(64) float turned[9][kChannelBlock][kChannelBlock];  // inputs, outputs
  for (int64_t input = 0; input < inputs; input += kChannelBlock) {
    for (int64_t o = 0; o < kChannelBlock; ++o) {
      for (int64_t tap = 0; tap < 9; ++tap) {
        const float* const from = w + ((output + o) * 9 + tap) * inputs + input;
        for (int64_t i = 0; i < kChannelBlock; ++i) turned[tap][i][o] = from[i];
      }
    }
    for (int64_t i = 0; i < kChannelBlock; ++i) {
      float* const row = to.at(0, 0, input + i) + column_offset(to, output);
      for (int64_t o = 0; o < kChannelBlock; o += kLanes) {
        Floats g[3][3];
#pragma GCC unroll 9
        for (int64_t tap = 0; tap < 9; ++tap) g[tap / 3][tap % 3] = load(&turned[tap][i][o]);
        transform_filter(g, row + o, to.frequency_stride);
      }
    }
  }
}

void transform_weights_turned(const float* w, int64_t inputs, const Matrices& to, int64_t output) {
  for (int64_t o = output; o < output + kChannelBlock; ++o) {
    for (int64_t i = 0; i < inputs; i += kLanes) {
      Floats g[3][3];
#pragma GCC unroll 9
      for (int64_t tap = 0; tap < 9; ++tap) g[2 - tap / 3][2 - tap % 3] = load(w + (o * 9 + tap) * inputs + i);
      transform_filter(g, to.at(0, 0, o) + column_offset(to, i), to.frequency_stride);
    }
  }
}

template <bool kAdd>
inline void filter_gradient(const Matrices& u, int64_t inputs, float* dw, int64_t output) {
  for (int64_t o = output; o < output + kChannelBlock; ++o) {
    for (int64_t i = 0; i < inputs; i += kLanes) {
      Floats frequencies[4][4], filter[3][3];
      load_frequencies(u.at(0, 0, o) + column_offset(u, i), u.frequency_stride, frequencies);
      transform_square<4, 3, filter_gradient_line>(frequencies, filter);
#pragma GCC unroll 9
      for (int64_t tap = 0; tap < 9; ++tap) {
        const Floats& v = filter[tap / 3][tap % 3];
        float* const at = dw + (o * 9 + tap) * inputs + i;
        store(kAdd ? load(at) + v : v, at);
      }
    }
  }
}

void transform_weight_gradient(const Matrices& u, int64_t inputs, float* dw, int64_t output, bool add) {
  const auto run = add ? filter_gradient<true> : filter_gradient<false>;
  run(u, inputs, dw, output);
}

void multiply(const float* a, int64_t stride, const float* b, float* c, int64_t rows, int64_t depth, int64_t width) {
  multiply_matrices<false, false>(Product<float>{a, stride, b, kPanel, c, kPanel, rows, depth, width});
}

void multiply_transposed(const float* a, const float* b, float* c, int64_t rows, int64_t depth, int64_t width,
                         bool add) {
  const Product<float> product{a, kPanel, b, kPanel, c, kPanel, rows, depth, width};
  if (add) multiply_matrices<true, true>(product);
  else multiply_matrices<true, false>(product);
}

}  // namespace

const WinogradKernels winograd_kernels = {
    transform_input,          transform_gradient,        transform_output, transform_weights,
    transform_weights_turned, transform_weight_gradient, multiply,         multiply_transposed};

}  // namespace PEA_CAPABILITY
}  // namespace pea
