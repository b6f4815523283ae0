#include <initializer_list>

#include "test/harness.h"

namespace pea::test {
namespace {

// Row `row` of an image [height, columns] of rows; null outside.
template <typename T>
const T* row_or_null(const Memory<T>& image, int64_t row, int64_t height, int64_t columns) {
  return row >= 0 && row < height ? image.data() + row * columns : nullptr;
}

// One image, whose rows lie in memory of exactly its size.
template <typename T, typename F = T>
void test_image(const Capability& capability, const DepthwiseShape& shape) {
  const DepthwiseKernels& kernels = *capability.depthwise;
  const int64_t channels = shape.channels, height = shape.height, width = shape.width, stride = shape.stride;
  const int64_t output_height = shape.output_height(), output_width = shape.output_width();
  const int64_t inputs = height * width * channels, outputs = output_height * output_width * channels;
  const int64_t taps = shape.window * shape.window, weights = taps * channels;
  const Memory<T> x(inputs), dy(outputs), y(outputs), dx(inputs);
  const Memory<F> w(weights), bias(channels), dw(weights);
  fill(x, inputs, 0);
  fill(w, weights, 1);
  fill(bias, channels, 2);
  fill(dy, outputs, 3);
  for (int64_t i = 0; i < weights; ++i) dw[i] = 1;  // is added to

  for (int64_t row = 0; row < output_height; ++row) {
    DepthwiseRows window{};
    for (int64_t k = 0; k < shape.window; ++k) {
      window.of[k] = row_or_null(x, row * stride + k - shape.top, height, width * channels);
    }
    const int64_t at = row * output_width * channels;
    kernels.forward(element_type<T>, shape, window, w.data(), bias.data(), y.data() + at);
  }
  for (int64_t row = 0; row < height; ++row) {
    DepthwiseRows reached{};
    for (int64_t k = 0; k < shape.window; ++k) {
      if ((row + shape.top - k) % stride != 0) continue;
      reached.of[k] = row_or_null(dy, (row + shape.top - k) / stride, output_height, output_width * channels);
    }
    kernels.input_gradient(element_type<T>, shape, reached, w.data(), dx.data() + row * width * channels);
    kernels.weight_gradient(element_type<T>, shape, reached, x.data() + row * width * channels, dw.data());
  }

  std::vector<double> expected_y(outputs), expected_dx(inputs), expected_dw(weights, 1.0);
  for (int64_t to = 0; to < outputs; ++to) {
    const int64_t c = to % channels, row = to / (output_width * channels), column = to / channels % output_width;
    expected_y[to] = bias[c];
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t h = row * stride + tap / shape.window - shape.top;
      const int64_t v = column * stride + tap % shape.window - shape.left;
      if (h < 0 || h >= height || v < 0 || v >= width) continue;
      const int64_t from = (h * width + v) * channels + c, weight = tap * channels + c;
      expected_y[to] += decode(x[from]) * w[weight];
      expected_dx[from] += decode(dy[to]) * w[weight];
      expected_dw[weight] += decode(x[from]) * decode(dy[to]);
    }
  }
  const std::string name = std::string(capability.name) + " depthwise of " + std::to_string(8 * sizeof(T)) + " bits, " + std::to_string(shape.window) + " on " +
                           std::to_string(height) + "x" + std::to_string(width) + "x" + std::to_string(channels) +
                           " by " + std::to_string(stride) + " from " + std::to_string(-shape.left) + ": ";
  expect_near(y, expected_y, taps / 2.0, name + "values");
  expect_near(dx, expected_dx, taps / 2.0, name + "input's gradient");
  expect_near(dw, expected_dw, 4 + static_cast<double>(output_height * output_width), name + "weight's gradient");
}

}  // namespace

void test_depthwise(const Capability& capability) {
  for (const int64_t window : {3, 5}) {
    const int64_t half = window / 2;
    for (const int64_t height : {1, 2, 5, 6}) {
      for (const int64_t width : {1, 2, 3, 4, 5, 6, 7, 8, 13}) {
        for (const int64_t channels : {8, 16, 40}) {
          for (const DepthwiseShape& shape : {DepthwiseShape{height, width, channels, window, 1, half, half},
                                              DepthwiseShape{height, width, channels, window, 2, half, half},
                                              DepthwiseShape{height, width, channels, window, 2, half - 1, half},
                                              DepthwiseShape{height, width, channels, window, 2, half, half - 1}}) {
            test_image<float>(capability, shape);
            test_image<double>(capability, shape);
            test_image<uint16_t, float>(capability, shape);
          }
        }
      }
    }
  }
}

}  // namespace pea::test
