#include <initializer_list>
#include <string>
#include <vector>

#include "test/harness.h"

namespace pea::test {
namespace {

// How often the tolerance of one operation n terms up to 1 may be off: each addition rounds a sum of all that came before it.
double rounding(int64_t terms) { return 4 + static_cast<double>(terms * terms) / 16; }

// In memory of exactly the matrices' sizes. Results of T, sums of F, both from values of T.
template <typename T, typename F>
void test_products(const Capability& capability, int64_t pixels, int64_t inputs, int64_t outputs) {
  const PointwiseKernels& kernels = *capability.pointwise;
  const ElementType type = element_type<T>;
  const Memory<T> x(pixels * inputs), dy(pixels * outputs), y(pixels * outputs), panels(outputs * inputs),
      dx(pixels * inputs);
  const Memory<F> w(outputs * inputs), bias(outputs), dw(inputs * outputs);
  fill(x, pixels * inputs, 0);
  fill(w, outputs * inputs, 1);
  fill(bias, outputs, 2);
  fill(dy, pixels * outputs, 3);
  // Weights are rounded to T as they are packed.
  for (int64_t i = 0; i < outputs * inputs; ++i) w[i] = static_cast<F>(decode(encode<T>(w[i])));
  for (int64_t i = 0; i < inputs * outputs; ++i) dw[i] = 1;  // is added to

  // w is [outputs, inputs].
  kernels.pack(type, w.data(), inputs, outputs, /*depth_stride=*/1, /*column_stride=*/inputs, panels.data());
  kernels.multiply(type, x.data(), panels.data(), bias.data(), y.data(), pixels, inputs, outputs);
  kernels.pack(type, w.data(), outputs, inputs, /*depth_stride=*/inputs, /*column_stride=*/1, panels.data());
  kernels.multiply(type, dy.data(), panels.data(), nullptr, dx.data(), pixels, outputs, inputs);
  kernels.multiply_transposed(type, x.data(), dy.data(), dw.data(), inputs, pixels, outputs);

  std::vector<double> expected_y(pixels * outputs), expected_dx(pixels * inputs), expected_dw(inputs * outputs, 1.0);
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int64_t o = 0; o < outputs; ++o) {
      expected_y[pixel * outputs + o] += bias[o];
      for (int64_t i = 0; i < inputs; ++i) {
        const double from = decode(x[pixel * inputs + i]), weight = w[o * inputs + i];
        const double gradient = decode(dy[pixel * outputs + o]);
        expected_y[pixel * outputs + o] += from * weight;
        expected_dx[pixel * inputs + i] += gradient * weight;
        expected_dw[i * outputs + o] += from * gradient;
      }
    }
  }
  const std::string name = std::string(capability.name) + " pointwise " + std::to_string(8 * sizeof(T)) + " bits, " + std::to_string(pixels) + " of " +
                           std::to_string(inputs) + " to " + std::to_string(outputs) + ": ";
  expect_near(y, expected_y, rounding(inputs), name + "values");
  expect_near(dx, expected_dx, rounding(outputs), name + "input's gradient");
  expect_near(dw, expected_dw, rounding(pixels), name + "weight's gradient");
}

// Rows of elements in memory of exactly these, the last one first.
std::vector<int64_t> reversed_starts(int64_t count, int64_t elements) {
  std::vector<int64_t> starts(count);
  for (int64_t i = 0; i < count; ++i) starts[i] = (count - 1 - i) * elements;
  return starts;
}

// Windows, `step` elements from one to the next.
struct Windows {
  int64_t count, rows, length, step;

  int64_t row_elements() const { return (count - 1) * step + length; }
};

template <typename T>
std::string name_of(const Capability& capability, const Windows& windows, int64_t outputs) {
  return std::string(capability.name) + " segments " + std::to_string(8 * sizeof(T)) + " bits, " +
         std::to_string(windows.count) + " windows of " + std::to_string(windows.rows) + " of " +
         std::to_string(windows.length) + " to " + std::to_string(outputs) + ": ";
}

template <typename T, typename F>
void test_windows(const Capability& capability, const Windows& windows, int64_t outputs) {
  const PointwiseKernels& kernels = *capability.pointwise;
  const std::vector<int64_t> starts = reversed_starts(windows.rows, windows.row_elements());
  const Segments segments{starts.data(), windows.rows, windows.length, windows.step};
  const int64_t depth = windows.rows * segments.depth();
  const Memory<T> x(windows.rows * windows.row_elements()), y(windows.count * outputs), panels(depth * outputs);
  const Memory<F> w(outputs * depth), bias(outputs);
  fill(x, windows.rows * windows.row_elements(), 0);
  fill(w, outputs * depth, 1);
  fill(bias, outputs, 2);
  for (int64_t i = 0; i < outputs * depth; ++i) {
    w[i] = i % segments.depth() < windows.length ? static_cast<F>(decode(encode<T>(w[i]))) : 0;
  }

  // w is [outputs, depth].
  kernels.pack(element_type<T>, w.data(), depth, outputs, /*depth_stride=*/1, /*column_stride=*/depth, panels.data());
  kernels.multiply_segments(element_type<T>, x.data(), segments, panels.data(), bias.data(), y.data(), windows.count,
                            outputs);

  std::vector<double> expected(windows.count * outputs);
  for (int64_t i = 0; i < windows.count; ++i) {
    for (int64_t o = 0; o < outputs; ++o) {
      expected[i * outputs + o] += bias[o];
      for (int64_t d = 0; d < depth; ++d) {
        const int64_t row = d / segments.depth(), at = d % segments.depth();
        if (at == windows.length) continue;
        expected[i * outputs + o] += decode(x[starts[row] + i * windows.step + at]) * w[o * depth + d];
      }
    }
  }
  expect_near(y, expected, rounding(windows.rows * windows.length), name_of<T>(capability, windows, outputs) + "values");
}

// One row of the windows' weights' gradient, of several rows of images.
template <typename T, typename F>
void test_window_gradients(const Capability& capability, const Windows& windows, int64_t outputs) {
  const std::vector<int64_t> starts = reversed_starts(windows.rows, windows.row_elements());
  const Segments segments{starts.data(), windows.rows, windows.count, windows.step};
  const int64_t pixels = windows.rows * windows.count;
  const Memory<T> x(windows.rows * windows.row_elements()), dy(pixels * outputs);
  const Memory<F> dw(windows.length * outputs);
  fill(x, windows.rows * windows.row_elements(), 0);
  fill(dy, pixels * outputs, 1);
  for (int64_t i = 0; i < windows.length * outputs; ++i) dw[i] = 1;  // is added to
  capability.pointwise->multiply_segments_transposed(element_type<T>, x.data(), segments, dy.data(), dw.data(),
                                                     windows.length, outputs);

  std::vector<double> expected(windows.length * outputs, 1.0);
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    const int64_t first = starts[pixel / windows.count] + pixel % windows.count * windows.step;
    for (int64_t i = 0; i < windows.length; ++i) {
      for (int64_t o = 0; o < outputs; ++o) {
        expected[i * outputs + o] += decode(x[first + i]) * decode(dy[pixel * outputs + o]);
      }
    }
  }
  expect_near(dw, expected, rounding(pixels), name_of<T>(capability, windows, outputs) + "weight's gradient");
}

template <typename T, typename F>
void test_segments(const Capability& capability, const Windows& windows, int64_t outputs) {
  test_windows<T, F>(capability, windows, outputs);
  test_window_gradients<T, F>(capability, windows, outputs);
}

}  // namespace

void test_pointwise(const Capability& capability) {
  for (const int64_t pixels : {1, 2, 5, 11, 24, 35}) {
    for (const int64_t inputs : {8, 16, 40, 72}) {
      for (const int64_t outputs : {8, 24, 64, 104, 136}) {
        test_products<float, float>(capability, pixels, inputs, outputs);
        test_products<double, double>(capability, pixels, inputs, outputs);
        test_products<uint16_t, float>(capability, pixels, inputs, outputs);
      }
    }
  }
  for (const int64_t count : {1, 2, 7, 12, 29}) {
    for (const Windows& windows : {Windows{count, 3, 9, 6}, Windows{count, 7, 21, 6}, Windows{count, 2, 2, 1},
                                   Windows{count, 5, 20, 4}, Windows{count, 7, 28, 8}}) {
      for (const int64_t outputs : {8, 16, 24, 32, 72}) {
        test_segments<float, float>(capability, windows, outputs);
        test_segments<double, double>(capability, windows, outputs);
        test_segments<uint16_t, float>(capability, windows, outputs);
      }
    }
  }
}

}  // namespace pea::test
