#include <initializer_list>

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
}

}  // namespace pea::test
