#include "conv3x1/line_kernel.h"
#include "test/matrices.h"

namespace pea::test {
namespace {

struct Convolution {
  Lines lines;  // of one channel: of more, the strides are as many times as long
  int64_t inputs, outputs;

  int64_t pixels() const { return lines.count * lines.length; }
  Lines of(int64_t channels) const {
    return {lines.count, lines.length, lines.dilation, lines.line_stride * channels, lines.step_stride * channels};
  }
};

// Calls body(output pixel, input pixel, tap) for every tap that does not fall into the padding.
template <typename Body>
void for_each_tap(const Lines& lines, const Body& body) {
  for (int64_t line = 0; line < lines.count; ++line) {
    const auto pixel = [&](int64_t step) { return line * lines.line_stride + step * lines.step_stride; };
    for (int64_t step = 0; step < lines.length; ++step) {
      for (int64_t tap = 0; tap < 3; ++tap) {
        const int64_t from = step + (tap - 1) * lines.dilation;
        if (from >= 0 && from < lines.length) body(pixel(step), pixel(from), tap);
      }
    }
  }
}

// Input times weights, forward or, with the weights turned, backward.
void convolve(const Capability& capability, const Convolution& sizes, const float* x, const float* w,
              const float* bias, bool turned, float* y) {
  const int64_t from = turned ? sizes.outputs : sizes.inputs, to = turned ? sizes.inputs : sizes.outputs;
  const LineKernels& kernels = *capability.line;
  OwnMatrices u(kLineFrequencies, from, to);
  const auto transform = turned ? kernels.transform_weights_turned : kernels.transform_weights;
  for (int64_t o = 0; o < sizes.outputs; o += kChannelBlock) transform(w, sizes.inputs, sizes.inputs, *u, o);
  // In two parts, the second of which begins in the midst of the tiles at one position.
  const int64_t tiles = sizes.lines.tiles(), half = (tiles + 1) / 2;
  for (int64_t begin = 0; begin < tiles; begin += half) {
    const int64_t end = std::min(begin + half, tiles);
    OwnMatrices v(kLineFrequencies, end - begin, from, /*whole_rows=*/true), m(kLineFrequencies, end - begin, to);
    kernels.transform_input(x, sizes.of(from), from, *v, begin, end);
    multiply(*capability.frequency, v, u, m, end - begin, from, to);
    kernels.transform_output(*m, bias, y, sizes.of(to), to, begin, end);
  }
}

void weight_gradient(const Capability& capability, const Convolution& sizes, const float* x, const float* dy,
                     float* dw) {
  const LineKernels& kernels = *capability.line;
  OwnMatrices u(kLineFrequencies, sizes.outputs, sizes.inputs);
  const int64_t tiles = sizes.lines.tiles(), half = (tiles + 1) / 2;
  for (int64_t begin = 0; begin < tiles; begin += half) {
    const int64_t end = std::min(begin + half, tiles);
    OwnMatrices v(kLineFrequencies, end - begin, sizes.inputs);
    kernels.transform_input(x, sizes.of(sizes.inputs), sizes.inputs, *v, begin, end);
    for (int64_t panel = 0; panel * kPanel < sizes.outputs; ++panel) {
      const int64_t width = width_of(sizes.outputs, panel);
      OwnMatrices d(kLineFrequencies, end - begin, width);
      kernels.transform_gradient(dy + panel * kPanel, sizes.of(sizes.outputs), width, *d, begin, end);
      multiply_transposed(*capability.frequency, d, v, u, panel, width, sizes.inputs, end - begin, begin > 0);
    }
  }
  // Once set and once added: twice the gradient.
  for (const bool add : {false, true}) {
    for (int64_t o = 0; o < sizes.outputs; o += kChannelBlock) {
      kernels.transform_weight_gradient(*u, sizes.inputs, sizes.inputs, dw, o, add);
    }
  }
}

void test_convolution(const Capability& capability, const Convolution& sizes) {
  const std::string name = std::string(capability.name) + " 3x1 convolution " + std::to_string(sizes.inputs) + " to " +
                           std::to_string(sizes.outputs) + ", dilation " + std::to_string(sizes.lines.dilation) + ": ";
  const int64_t inputs = sizes.inputs, outputs = sizes.outputs, pixels = sizes.pixels(), taps = outputs * 3 * inputs;
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
  for_each_tap(sizes.lines, [&](int64_t output_pixel, int64_t input_pixel, int64_t tap) {
    for (int64_t o = 0; o < outputs; ++o) {
      for (int64_t i = 0; i < inputs; ++i) {
        const int64_t weight = (o * 3 + tap) * inputs + i, from = input_pixel * inputs + i;
        const int64_t to = output_pixel * outputs + o;
        expected_y[to] += static_cast<double>(x[from]) * w[weight];
        expected_dx[from] += static_cast<double>(dy[to]) * w[weight];
        expected_dw[weight] += 2.0 * x[from] * dy[to];
      }
    }
  });
  expect_near(y, expected_y, 40 * std::sqrt(3.0 * static_cast<double>(inputs)), name + "values");
  expect_near(dx, expected_dx, 40 * std::sqrt(3.0 * static_cast<double>(outputs)), name + "input's gradient");
  expect_near(dw, expected_dw, 80 * std::sqrt(static_cast<double>(pixels)), name + "weight's gradient");
}

}  // namespace

void test_line(const Capability& capability) {
  // Rows, and columns that lie side by side: lines of 9 pixels and 5 of them, and the other way round.
  test_convolution(capability, {{5, 9, 1, 9, 1}, 16, 80});
  test_convolution(capability, {{9, 5, 1, 1, 9}, 112, 48});
  test_convolution(capability, {{1, 1, 1, 1, 1}, 64, 16});
  test_convolution(capability, {{3, 7, 2, 7, 1}, 32, 128});   // lines of 4 and of 3 pixels
  test_convolution(capability, {{4, 19, 3, 1, 4}, 48, 144});  // two tiles and a single pixel in one of them
  test_convolution(capability, {{2, 6, 6, 6, 1}, 16, 16});    // outer taps that meet zeros alone
}

}  // namespace pea::test
