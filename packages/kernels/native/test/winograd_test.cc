#include "conv3x3/winograd_kernel.h"
#include "test/matrices.h"

namespace pea::test {
namespace {

struct Convolution {
  TileGrid grid;
  int64_t inputs, outputs;

  int64_t pixels() const { return grid.images * grid.height * grid.width; }
};

// Calls body(output pixel, input pixel, tap) for every tap that does not fall into the padding.
template <typename Body>
void for_each_tap(const TileGrid& grid, const Body& body) {
  for (int64_t n = 0; n < grid.images; ++n) {
    for (int64_t h = 0; h < grid.height; ++h) {
      for (int64_t w = 0; w < grid.width; ++w) {
        for (int64_t tap = 0; tap < 9; ++tap) {
          const int64_t row = h + tap / 3 - 1, column = w + tap % 3 - 1;
          if (row < 0 || row >= grid.height || column < 0 || column >= grid.width) continue;
          const int64_t image = n * grid.height * grid.width;
          body(image + h * grid.width + w, image + row * grid.width + column, tap);
        }
      }
    }
  }
}

void fill(const Memory<float>& memory, int64_t count, double phase) {
  for (int64_t i = 0; i < count; ++i) memory[i] = static_cast<float>(std::sin(phase + 1.3 * static_cast<double>(i)));
}

// Input times weights, forward or, with the weights turned, backward.
void convolve(const Capability& capability, const Convolution& sizes, const float* x, const float* w,
              const float* bias, bool turned, float* y) {
  const int64_t from = turned ? sizes.outputs : sizes.inputs, to = turned ? sizes.inputs : sizes.outputs;
  const TileKernels& kernels = capability.winograd->of(sizes.grid.tile);
  OwnMatrices u(sizes.grid.frequencies(), from, to);
  const auto transform = turned ? kernels.transform_weights_turned : kernels.transform_weights;
  for (int64_t o = 0; o < sizes.outputs; o += kChannelBlock) transform(w, sizes.inputs, sizes.inputs, *u, o);
  // In two parts, the second of which begins in the midst of an image.
  const int64_t tiles = sizes.grid.tiles(), half = (tiles + 1) / 2;
  for (int64_t begin = 0; begin < tiles; begin += half) {
    const int64_t end = std::min(begin + half, tiles);
    OwnMatrices v(sizes.grid.frequencies(), end - begin, from, /*whole_rows=*/true), m(sizes.grid.frequencies(), end - begin, to);
    kernels.transform_input(x, sizes.grid, from, *v, begin, end);
    multiply(*capability.frequency, v, u, m, end - begin, from, to);
    kernels.transform_output(*m, bias, y, sizes.grid, to, to, begin, end);
  }
}

void weight_gradient(const Capability& capability, const Convolution& sizes, const float* x, const float* dy,
                     float* dw) {
  const TileKernels& kernels = capability.winograd->of(sizes.grid.tile);
  OwnMatrices u(sizes.grid.frequencies(), sizes.outputs, sizes.inputs);
  const int64_t tiles = sizes.grid.tiles(), half = (tiles + 1) / 2;
  for (int64_t begin = 0; begin < tiles; begin += half) {
    const int64_t end = std::min(begin + half, tiles);
    OwnMatrices v(sizes.grid.frequencies(), end - begin, sizes.inputs);
    kernels.transform_input(x, sizes.grid, sizes.inputs, *v, begin, end);
    // Panel by panel of the outputs, as threads share them.
    for (int64_t output = 0; output * kPanel < sizes.outputs; ++output) {
      const int64_t width = width_of(sizes.outputs, output);
      OwnMatrices d(sizes.grid.frequencies(), end - begin, width);
      kernels.transform_gradient(dy + output * kPanel, sizes.grid, sizes.outputs, width, *d, begin, end);
      multiply_transposed(*capability.frequency, d, v, u, output, width, sizes.inputs, end - begin, begin > 0);
    }
  }
  // Once set and once added: twice the gradient.
  for (const bool add : {false, true}) {
    for (int64_t o = 0; o < sizes.outputs; o += kChannelBlock) {
      kernels.transform_weight_gradient(*u, sizes.inputs, sizes.inputs, dw, o, add);
    }
  }
}

void expect_near(const Memory<float>& actual, const std::vector<double>& expected, double scale,
                 const std::string& what) {
  for (size_t i = 0; i < expected.size(); ++i) {
    expect(std::fabs(actual[static_cast<int64_t>(i)] - expected[i]) <= 1e-5 * scale, what);
  }
}

void test_convolution(const Capability& capability, const Convolution& sizes) {
  const std::string name = std::string(capability.name) + " 3x3 convolution " + std::to_string(sizes.inputs) + " to " +
                           std::to_string(sizes.outputs) + ": ";
  const int64_t inputs = sizes.inputs, outputs = sizes.outputs, pixels = sizes.pixels(), taps = outputs * 9 * inputs;
  const Memory<float> x(pixels * inputs), w(taps), bias(outputs), dy(pixels * outputs);
  const Memory<float> y(pixels * outputs), dx(pixels * inputs), dw(taps);
  fill(x, pixels * inputs, 0);
  fill(w, taps, 1);
  fill(bias, outputs, 2);
  fill(dy, pixels * outputs, 3);
  convolve(capability, sizes, x.data(), w.data(), bias.data(), /*turned=*/false, y.data());
  convolve(capability, sizes, dy.data(), w.data(), nullptr, /*turned=*/true, dx.data());
  weight_gradient(capability, sizes, x.data(), dy.data(), dw.data());

  std::vector<double> expected_y(pixels * outputs), expected_dx(pixels * inputs), expected_dw(taps);
  for (int64_t i = 0; i < pixels * outputs; ++i) expected_y[i] = bias[i % outputs];
  for_each_tap(sizes.grid, [&](int64_t output_pixel, int64_t input_pixel, int64_t tap) {
    for (int64_t o = 0; o < outputs; ++o) {
      for (int64_t i = 0; i < inputs; ++i) {
        const int64_t weight = (o * 9 + tap) * inputs + i, from = input_pixel * inputs + i;
        const int64_t to = output_pixel * outputs + o;
        expected_y[to] += static_cast<double>(x[from]) * w[weight];
        expected_dx[from] += static_cast<double>(dy[to]) * w[weight];
        expected_dw[weight] += 2.0 * x[from] * dy[to];
      }
    }
  });
  expect_near(y, expected_y, std::sqrt(9.0 * static_cast<double>(inputs)), name + "values");
  expect_near(dx, expected_dx, std::sqrt(9.0 * static_cast<double>(outputs)), name + "input's gradient");
  expect_near(dw, expected_dw, 2 * std::sqrt(static_cast<double>(pixels)), name + "weight's gradient");
}

}  // namespace

void test_winograd(const Capability& capability) {
  for (const TileShape& tile : {kSmallTile, kLowTile, kHighTile}) {
    test_convolution(capability, {{2, 7, 9, tile}, 16, 80});
    test_convolution(capability, {{1, 4, 6, tile}, 112, 48});
    test_convolution(capability, {{3, 1, 1, tile}, 64, 16});
    test_convolution(capability, {{1, 3, 2, tile}, 32, 128});
    test_convolution(capability, {{1, 6, 12, tile}, 48, 144});  // parts of 9, or of 5 and 4, small and low tiles
  }
}

}  // namespace pea::test
