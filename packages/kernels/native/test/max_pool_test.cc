#include <algorithm>
#include <limits>

#include "test/harness.h"

namespace pea::test {
namespace {

PoolAxis axis(int64_t input, int64_t window, int64_t stride, int64_t padding, int64_t dilation) {
  return {input, (input + 2 * padding - dilation * (window - 1) - 1) / stride + 1, window, stride, padding, dilation};
}

// The input that position k of a window sees, or -1.
int64_t seen(const PoolAxis& axis, int64_t output, int64_t k) {
  const int64_t input = output * axis.stride - axis.padding + k * axis.dilation;
  return input < axis.input ? std::max<int64_t>(input, -1) : -1;
}

template <typename T>
void test_map(const Capability& capability, const MaxPoolShape& shape) {
  const std::string name = std::string(capability.name) + " max pool of depth " + std::to_string(shape.depth);
  const PoolAxis &rows = shape.rows, &columns = shape.columns;
  const int64_t outputs = rows.output * columns.output * shape.depth;
  std::vector<T> x(rows.input * columns.input * shape.depth), y(outputs), grad(outputs), dx(x.size());
  std::vector<uint8_t> positions(outputs);
  std::vector<double> expected_dx(x.size());
  // Small whole numbers: many are equal, and sums are exact.
  for (size_t i = 0; i < x.size(); ++i) x[i] = encode<T>(std::floor(4 * std::sin(1.7 * static_cast<double>(i))));
  for (size_t i = 0; i < x.size(); i += 37) x[i] = encode<T>(-std::numeric_limits<double>::infinity());
  for (int64_t i = 0; i < outputs; ++i) grad[i] = encode<T>(static_cast<double>(i % 7) - 3);
  for (int64_t row = 0; row < rows.output; ++row) {
    capability.max_pool->forward(element_type<T>, x.data(), y.data(), positions.data(), row, shape);
  }
  for (int64_t row = 0; row < rows.input; ++row) {
    capability.max_pool->backward(element_type<T>, grad.data(), positions.data(), dx.data(), row, shape);
  }
  for (int64_t i = 0; i < outputs; ++i) {
    const int64_t channel = i % shape.depth, pixel = i / shape.depth;
    double greatest = -std::numeric_limits<double>::infinity();
    int64_t position = -1, source = -1;
    for (int64_t k = 0; k < rows.window * columns.window; ++k) {
      const int64_t row = seen(rows, pixel / columns.output, k / columns.window);
      const int64_t column = seen(columns, pixel % columns.output, k % columns.window);
      if (row < 0 || column < 0) continue;
      const int64_t at = (row * columns.input + column) * shape.depth + channel;
      if (position >= 0 && decode(x[at]) <= greatest) continue;
      greatest = decode(x[at]);
      position = k;
      source = at;
    }
    expect(decode(y[i]) == greatest, name + ": value");
    expect(positions[i] == position, name + ": position");
    expected_dx[source] += decode(grad[i]);
  }
  for (size_t i = 0; i < dx.size(); ++i) expect(decode(dx[i]) == expected_dx[i], name + ": gradient");
}

}  // namespace

void test_max_pool(const Capability& capability) {
  for (const int64_t depth : {1, 3, 16, 65, 512, 1030}) {
    for (const MaxPoolShape& shape :
         {MaxPoolShape{axis(7, 3, 2, 1, 1), axis(9, 3, 2, 1, 1), depth}, {axis(4, 2, 2, 0, 1), axis(6, 2, 2, 0, 1), depth},
          {axis(8, 3, 1, 1, 2), axis(5, 1, 3, 0, 1), depth}, {axis(2, 4, 3, 2, 1), axis(530, 5, 1, 2, 3), depth}}) {
      if (depth > 16 && shape.columns.input > 500) continue;
      test_map<float>(capability, shape);
      test_map<double>(capability, shape);
      test_map<uint16_t>(capability, shape);
    }
  }
}

}  // namespace pea::test
