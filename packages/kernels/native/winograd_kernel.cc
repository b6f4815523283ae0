#include "winograd_kernel.h"

#include <cstring>

namespace pea {
namespace PEA_CAPABILITY {
namespace {

#if defined(__AVX512F__)
constexpr int64_t kLanes = 16;
constexpr int kRows = 6, kVectors = 4;  // of a block of the product: 24 of 32 registers
#elif defined(__aarch64__)
constexpr int64_t kLanes = 4;
constexpr int kRows = 6, kVectors = 4;  // 24 of 32
#elif defined(__AVX2__)
constexpr int64_t kLanes = 8;
constexpr int kRows = 6, kVectors = 2;  // 12 of 16
#else
constexpr int64_t kLanes = 4;
constexpr int kRows = 4, kVectors = 2;
#endif

typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

inline Vector load(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline void store(const Vector& v, float* to) { std::memcpy(to, &v, sizeof v); }

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

// Where padding is read from.
alignas(64) const float kZeros[kPanel] = {};

void transform_input(const float* x, const TileGrid& grid, int64_t channels, const Matrices& to, int64_t begin,
                     int64_t end) {
  for_each_tile(grid, begin, end, [&](int64_t row, int64_t top, int64_t left, int64_t first_pixel) {
    for (int64_t panel = 0; panel * kPanel < channels; ++panel) {
      const float* pixels[4][4];
      for (int64_t i = 0; i < 4; ++i) {
        for (int64_t j = 0; j < 4; ++j) {
          const int64_t h = top - 1 + i, w = left - 1 + j;
          const bool inside = h >= 0 && h < grid.height && w >= 0 && w < grid.width;
          pixels[i][j] = inside ? x + (first_pixel + h * grid.width + w) * channels + panel * kPanel : kZeros;
        }
      }
      float* const out = to.at(0, panel, row);
      const int64_t left_over = channels - panel * kPanel, width = left_over < kPanel ? left_over : kPanel;
      for (int64_t c = 0; c < width; c += kLanes) {
        Vector half[4][4];
#pragma GCC unroll 4
        for (int64_t j = 0; j < 4; ++j) {
          const Vector a = load(pixels[0][j] + c), b = load(pixels[1][j] + c), d = load(pixels[2][j] + c),
                       e = load(pixels[3][j] + c);
          half[0][j] = a - d;
          half[1][j] = b + d;
          half[2][j] = d - b;
          half[3][j] = b - e;
        }
#pragma GCC unroll 4
        for (int64_t i = 0; i < 4; ++i) {
          const Vector *const h = half[i];
          float* const at = out + 4 * i * to.frequency_stride + c;
          store(h[0] - h[2], at);
          store(h[1] + h[2], at + to.frequency_stride);
          store(h[2] - h[1], at + 2 * to.frequency_stride);
          store(h[1] - h[3], at + 3 * to.frequency_stride);
        }
      }
    }
  });
}

void transform_gradient(const float* dy, const TileGrid& grid, int64_t channels, int64_t count, const Matrices& to,
                        int64_t begin, int64_t end) {
  for_each_tile(grid, begin, end, [&](int64_t row, int64_t top, int64_t left, int64_t first_pixel) {
    for (int64_t panel = 0; panel * kPanel < count; ++panel) {
      const float* pixels[2][2];
      for (int64_t i = 0; i < 2; ++i) {
        for (int64_t j = 0; j < 2; ++j) {
          const int64_t h = top + i, w = left + j;
          const bool inside = h < grid.height && w < grid.width;
          pixels[i][j] = inside ? dy + (first_pixel + h * grid.width + w) * channels + panel * kPanel : kZeros;
        }
      }
      float* const out = to.at(0, panel, row);
      const int64_t left_over = count - panel * kPanel, width = left_over < kPanel ? left_over : kPanel;
      for (int64_t c = 0; c < width; c += kLanes) {
        Vector half[4][2];
#pragma GCC unroll 2
        for (int64_t j = 0; j < 2; ++j) {
          const Vector a = load(pixels[0][j] + c), b = load(pixels[1][j] + c);
          half[0][j] = a;
          half[1][j] = a + b;
          half[2][j] = a - b;
          half[3][j] = -b;
        }
#pragma GCC unroll 4
        for (int64_t i = 0; i < 4; ++i) {
          const Vector *const h = half[i];
          float* const at = out + 4 * i * to.frequency_stride + c;
          store(h[0], at);
          store(h[0] + h[1], at + to.frequency_stride);
          store(h[0] - h[1], at + 2 * to.frequency_stride);
          store(-h[1], at + 3 * to.frequency_stride);
        }
      }
    }
  });
}

void transform_output(const Matrices& m, const float* bias, float* y, const TileGrid& grid, int64_t channels,
                      int64_t begin, int64_t end) {
  for_each_tile(grid, begin, end, [&](int64_t row, int64_t top, int64_t left, int64_t first_pixel) {
    float* const pixel = y + (first_pixel + top * grid.width + left) * channels;
    const bool has_right = left + 1 < grid.width, has_below = top + 1 < grid.height;
    for (int64_t c = 0; c < channels; c += kLanes) {
      const float* const from = m.at(0, 0, row) + column_offset(m, c);
      Vector half[2][4];
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) {
        const float* const at = from + j * m.frequency_stride;
        const Vector a = load(at), b = load(at + 4 * m.frequency_stride), d = load(at + 8 * m.frequency_stride),
                     e = load(at + 12 * m.frequency_stride);
        half[0][j] = a + b + d;
        half[1][j] = b - d - e;
      }
      const Vector offset = bias == nullptr ? Vector{} : load(bias + c);
#pragma GCC unroll 2
      for (int64_t i = 0; i < 2; ++i) {
        if (i == 1 && !has_below) break;
        const Vector *const h = half[i];
        float* const at = pixel + i * grid.width * channels + c;
        store(h[0] + h[1] + h[2] + offset, at);
        if (has_right) store(h[1] - h[2] - h[3] + offset, at + channels);
      }
    }
  });
}

// G g Gᵀ of vectors of weights.
inline void transform_filter(const Vector (&g)[3][3], float* to, int64_t frequency_stride) {
  Vector half[4][3];
#pragma GCC unroll 3
  for (int64_t j = 0; j < 3; ++j) {
    const Vector even = 0.5f * (g[0][j] + g[2][j]), odd = 0.5f * g[1][j];
    half[0][j] = g[0][j];
    half[1][j] = even + odd;
    half[2][j] = even - odd;
    half[3][j] = g[2][j];
  }
#pragma GCC unroll 4
  for (int64_t i = 0; i < 4; ++i) {
    const Vector *const h = half[i];
    const Vector even = 0.5f * (h[0] + h[2]), odd = 0.5f * h[1];
    float* const at = to + 4 * i * frequency_stride;
    store(h[0], at);
    store(even + odd, at + frequency_stride);
    store(even - odd, at + 2 * frequency_stride);
    store(h[2], at + 3 * frequency_stride);
  }
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
        Vector g[3][3];
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
      Vector g[3][3];
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
      const float* const from = u.at(0, 0, o) + column_offset(u, i);
      Vector half[3][4];
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) {
        const float* const at = from + j * u.frequency_stride;
        const Vector a = load(at), b = load(at + 4 * u.frequency_stride), d = load(at + 8 * u.frequency_stride),
                     e = load(at + 12 * u.frequency_stride);
        half[0][j] = a + 0.5f * (b + d);
        half[1][j] = 0.5f * (b - d);
        half[2][j] = e + 0.5f * (b + d);
      }
      const auto put = [](const Vector& v, float* at) { store(kAdd ? load(at) + v : v, at); };
#pragma GCC unroll 3
      for (int64_t k = 0; k < 3; ++k) {
        const Vector *const h = half[k];
        float* const at = dw + (o * 9 + 3 * k) * inputs + i;
        put(h[0] + 0.5f * (h[1] + h[2]), at);
        put(0.5f * (h[1] - h[2]), at + inputs);
        put(h[3] + 0.5f * (h[1] + h[2]), at + 2 * inputs);
      }
    }
  }
}

void transform_weight_gradient(const Matrices& u, int64_t inputs, float* dw, int64_t output, bool add) {
  const auto run = add ? filter_gradient<true> : filter_gradient<false>;
  run(u, inputs, dw, output);
}

// kR rows and kV vectors of columns of the product: they stay in registers. Element (r, d) of a stands at
// a[r · row_stride + d · depth_stride]. Every size adds up in the same order, with the same rounding, so that results do
// not depend on how tiles are cut into blocks.
template <int kR, int kV, bool kAdd>
inline void multiply_block(const float* a, int64_t row_stride, int64_t depth_stride, const float* b, float* c,
                           int64_t depth) {
  Vector sums[kR][kV];
#pragma GCC unroll 6
  for (int r = 0; r < kR; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kV; ++v) sums[r][v] = kAdd ? load(c + r * kPanel + v * kLanes) : Vector{};
  }
  for (int64_t d = 0; d < depth; ++d) {
    Vector columns[kV];
#pragma GCC unroll 4
    for (int v = 0; v < kV; ++v) columns[v] = load(b + v * kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < kR; ++r) {
      const float factor = a[r * row_stride];
#pragma GCC unroll 4
      for (int v = 0; v < kV; ++v) sums[r][v] += factor * columns[v];
    }
    a += depth_stride;
    b += kPanel;
  }
#pragma GCC unroll 6
  for (int r = 0; r < kR; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kV; ++v) store(sums[r][v], c + r * kPanel + v * kLanes);
  }
}

// The product `kVectors` vectors and `kR` rows at a time; fewer at the edges.
template <int kR, int kV, bool kAdd, bool kTransposed>
inline void multiply_rows(const float* a, int64_t stride, const float* b, float* c, int64_t rows, int64_t depth) {
  const int64_t row_stride = kTransposed ? 1 : stride, depth_stride = kTransposed ? kPanel : 1;
  int64_t row = 0;
  for (; row + kR <= rows; row += kR) {
    multiply_block<kR, kV, kAdd>(a + row * row_stride, row_stride, depth_stride, b, c + row * kPanel, depth);
  }
  if constexpr (kR > 1) {
    multiply_rows<kR - 1, kV, kAdd, kTransposed>(a + row * row_stride, stride, b, c + row * kPanel, rows - row, depth);
  }
}

template <int kV, bool kAdd, bool kTransposed>
inline void multiply_columns(const float* a, int64_t stride, const float* b, float* c, int64_t rows, int64_t depth,
                             int64_t width) {
  int64_t column = 0;
  for (; column + kV * kLanes <= width; column += kV * kLanes) {
    multiply_rows<kRows, kV, kAdd, kTransposed>(a, stride, b + column, c + column, rows, depth);
  }
  if constexpr (kV > 1) {
    multiply_columns<kV - 1, kAdd, kTransposed>(a, stride, b + column, c + column, rows, depth, width - column);
  }
}

void multiply(const float* a, int64_t stride, const float* b, float* c, int64_t rows, int64_t depth, int64_t width) {
  multiply_columns<kVectors, false, false>(a, stride, b, c, rows, depth, width);
}

void multiply_transposed(const float* a, const float* b, float* c, int64_t rows, int64_t depth, int64_t width,
                         bool add) {
  const auto run = add ? multiply_columns<kVectors, true, true> : multiply_columns<kVectors, false, true>;
  run(a, 0, b, c, rows, depth, width);
}

}  // namespace

const WinogradKernels winograd_kernels = {
    transform_input,          transform_gradient,        transform_output, transform_weights,
    transform_weights_turned, transform_weight_gradient, multiply,         multiply_transposed};

}  // namespace PEA_CAPABILITY
}  // namespace pea
