#include <algorithm>
#include <type_traits>

#include "harness.h"

namespace pea::test {
namespace {

double value_at(int64_t i, double frequency) { return std::sin(frequency * static_cast<double>(i + 1)); }

// The arrays over the columns, in the arithmetic's type; their values differ from column to column.
template <typename F>
struct ColumnArrays {
  std::vector<F> center, scale, shift, slope, offset;

  explicit ColumnArrays(int64_t width) {
    for (int64_t column = 0; column < width; ++column) {
      center.push_back(static_cast<F>(0.1 * value_at(column, 0.3)));
      scale.push_back(static_cast<F>(1.5 + value_at(column, 0.7)));
      shift.push_back(static_cast<F>(0.5 * value_at(column, 0.9)));
      slope.push_back(static_cast<F>(0.2 * value_at(column, 1.1)));
      offset.push_back(static_cast<F>(0.3 * value_at(column, 1.3)));
    }
  }

  Columns columns() const {
    return {static_cast<int64_t>(center.size()), center.data(), scale.data(), shift.data(), slope.data(),
            offset.data()};
  }
};

// The tensors of one span, each exactly as large as its last element needs.
template <typename T>
struct Tensors {
  std::vector<T> x, residual, grad, y, dz, dx;

  Tensors(int64_t end, bool with_residual) : y(end), dz(end), dx(end) {
    for (int64_t i = 0; i < end; ++i) {
      x.push_back(encode<T>(3 * value_at(i, 1.7)));
      grad.push_back(encode<T>(value_at(i, 0.6)));
      if (with_residual) residual.push_back(encode<T>(value_at(i, 2.3)));
    }
  }

  const T* residual_data() const { return residual.empty() ? nullptr : residual.data(); }
};

Value activation_value(const ActivationOptions& activation, double z, int64_t index) {
  switch (activation.kind) {
    case ActivationKind::kIdentity: return {z, 1};
    case ActivationKind::kRelu: return z > 0 ? Value{z, 1} : Value{0, 0};
    case ActivationKind::kEnsemble: return ensemble_value(activation.ensemble, z, static_cast<uint64_t>(index));
  }
  std::abort();
}

template <typename T>
void test_span(const Capability& capability, Span span, int64_t width, const ActivationOptions& activation,
               bool with_residual) {
  using F = std::conditional_t<sizeof(T) == 8, double, float>;
  const std::string name = std::string(capability.name) + " batch norm, " + std::to_string(sizeof(T)) +
                           " bytes, width " + std::to_string(width) + ", " + std::to_string(span.count);
  const ColumnArrays<F> arrays(width);
  const Columns columns = arrays.columns();
  Tensors<T> of(span.first + span.count, with_residual);
  std::vector<double> sums(width), squares(width), dz_sums(width), dots(width);
  constexpr ElementType type = element_type<T>;
  const BatchNormKernels& kernels = *capability.batch_norm;

  kernels.moments(type, of.x.data(), span, columns, sums.data(), squares.data());
  kernels.normalize(type, of.x.data(), of.residual_data(), of.y.data(), span, columns, activation);
  kernels.reduce(type, of.grad.data(), of.x.data(), of.residual_data(), of.dz.data(), span, columns, activation,
                 dz_sums.data(), dots.data());
  // As the operator calls it: from the kept dz, and in place.
  of.dx = of.dz;
  const ActivationOptions identity{ActivationKind::kIdentity, {}};
  kernels.gradient(type, of.dx.data(), of.x.data(), of.dx.data(), span, columns, identity);

  std::vector<double> expected_sums(width), expected_squares(width), expected_dz_sums(width), expected_dots(width);
  for (int64_t i = span.first; i < span.first + span.count; ++i) {
    const int64_t column = (i - span.first) % width;
    const double d = decode(of.x[i]) - arrays.center[column];
    const double residual = with_residual ? decode(of.residual[i]) : 0;
    const double z = arrays.scale[column] * d + arrays.shift[column] + residual;
    const Value activated = activation_value(activation, z, i);
    const double dz = decode(of.grad[i]) * activated.slope;
    expected_sums[column] += d;
    expected_squares[column] += d * d;
    expected_dz_sums[column] += dz;
    expected_dots[column] += dz * d;
    const double scale = std::max(1.0, std::fabs(z));
    expect(std::fabs(decode(of.y[i]) - activated.f) <= 2 * tolerance<T> * scale, name + ": y");
    expect(std::fabs(decode(of.dz[i]) - dz) <= 4 * tolerance<T> * scale, name + ": dz");
    const double dx = arrays.scale[column] * decode(of.dz[i]) - (arrays.slope[column] * d + arrays.offset[column]);
    expect(std::fabs(decode(of.dx[i]) - dx) <= 8 * tolerance<T>, name + ": dx");
  }
  // Of float32 at least; the terms are bounded by 20.
  const double rows = static_cast<double>(span.count / width + 1);
  const double allowed = 20 * rows * (sizeof(T) == 8 ? tolerance<double> : tolerance<float>);
  for (int64_t column = 0; column < width; ++column) {
    expect(std::fabs(sums[column] - expected_sums[column]) <= allowed, name + ": sum");
    expect(std::fabs(squares[column] - expected_squares[column]) <= allowed, name + ": squares");
    expect(std::fabs(dz_sums[column] - expected_dz_sums[column]) <= allowed, name + ": sum of dz");
    expect(std::fabs(dots[column] - expected_dots[column]) <= allowed, name + ": dots");
  }
  for (int64_t i = 0; i < span.first; ++i) expect(decode(of.y[i]) == 0 && decode(of.dz[i]) == 0, name + ": before");
}

}  // namespace

void test_batch_norm(const Capability& capability) {
  const EnsembleOptions weighted{Smooth::kMish, Mode::kWeighted, 0.3, 0, 0, 0};
  const EnsembleOptions stochastic{Smooth::kElu, Mode::kStochastic, 0.5, -5, 3, 1'000'000'007};
  const ActivationOptions activations[] = {{ActivationKind::kIdentity, {}},
                                           {ActivationKind::kRelu, {}},
                                           {ActivationKind::kEnsemble, weighted},
                                           {ActivationKind::kEnsemble, stochastic}};
  for (const ActivationOptions& activation : activations) {
    for (const bool with_residual : {false, true}) {
      // Rows shorter and longer than a segment and a vector, whole and cut; more than a block of rows.
      for (const int64_t width : {1, 5, 16, 512, 1030}) {
        for (const int64_t count : {int64_t(1), width, 3 * width + width / 2, 40 * width}) {
          for (const int64_t first : {int64_t(0), int64_t(7)}) {
            test_span<float>(capability, {first, count}, width, activation, with_residual);
            test_span<double>(capability, {first, count}, width, activation, with_residual);
            test_span<uint16_t>(capability, {first, count}, width, activation, with_residual);
          }
        }
      }
    }
  }
}

}  // namespace pea::test
