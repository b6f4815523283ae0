#include <algorithm>
#include <type_traits>

#include "test/harness.h"

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

  // Null where a kernel names no slope and offset.
  Columns columns(bool with_slopes) const {
    return {static_cast<int64_t>(center.size()), center.data(), scale.data(), shift.data(),
            with_slopes ? slope.data() : nullptr, with_slopes ? offset.data() : nullptr};
  }

  Columns center_alone() const {
    return {static_cast<int64_t>(center.size()), center.data(), nullptr, nullptr, nullptr, nullptr};
  }
};

Value activation_value(const ActivationOptions& activation, double z, int64_t index) {
  switch (activation.kind) {
    case ActivationKind::kIdentity: return {z, 1};
    case ActivationKind::kRelu:
      if (z >= activation.ensemble.bound) return {activation.ensemble.bound, 0};
      return z > 0 ? Value{z, 1} : Value{0, 0};
    case ActivationKind::kEnsemble: return ensemble_value(activation.ensemble, z, static_cast<uint64_t>(index));
  }
  std::abort();
}

constexpr ActivationOptions kIdentity{ActivationKind::kIdentity, {}};

// The kernels on one span, against the formulas of batch_norm_kernel.h in float64.
template <typename T>
class SpanTest {
 public:
  SpanTest(const Capability& capability, Span span, int64_t width, const ActivationOptions& activation,
           bool with_residual)
      : name_(std::string(capability.name) + " batch norm, " + std::to_string(sizeof(T)) + " bytes, width " +
              std::to_string(width) + ", " + std::to_string(span.count) + " from " + std::to_string(span.first)),
        kernels_(*capability.batch_norm),
        span_(span),
        end_(span.first + span.count),
        width_(width),
        activation_(activation),
        with_residual_(with_residual),
        arrays_(width),
        x_(end_),
        residual_(with_residual ? end_ : 0),
        grad_(end_) {
    for (int64_t i = span.first; i < end_; ++i) {
      x_[i] = encode<T>(3 * value_at(i, 1.7));
      grad_[i] = encode<T>(value_at(i, 0.6));
      if (with_residual) residual_[i] = encode<T>(value_at(i, 2.3));
      const int64_t column = column_of(i);
      const double d = decode(x_[i]) - arrays_.center[column];
      const double z = arrays_.scale[column] * d + arrays_.shift[column] + (with_residual ? decode(residual_[i]) : 0);
      elements_.push_back({d, z, activation_value(activation, z, i)});
    }
  }

  // The backward passes are those of the operator: dz is kept for a residual, whose gradient it is, or in place of dx,
  // or else computed again.
  void run() const {
    moments();
    normalize();
    const Memory<T> dz(end_);
    reduce(grad_, &dz);
    reduce(grad_, nullptr);
    const Memory<T> in_place(end_);
    std::copy(grad_.data() + span_.first, grad_.data() + end_, in_place.data() + span_.first);
    const Memory<T> y(end_);
    reduce(in_place, &in_place, with_residual_ ? nullptr : &y);
    for (const bool with_slopes : {true, false}) {
      gradient_from_kept(dz, with_slopes);
      if (!with_residual_ && activation_.kind != ActivationKind::kEnsemble && !is_cut_off(activation_.ensemble)) gradient_from_grad(with_slopes);
    }
  }

 private:
  using F = std::conditional_t<sizeof(T) == 8, double, float>;
  static constexpr ElementType kType = element_type<T>;

  struct Element {
    double d, z;
    Value activated;
  };

  void moments() const {
    std::vector<double> sums(width_), squares(width_), expected_sums(width_), expected_squares(width_);
    kernels_.moments(kType, x_.data(), span_, arrays_.center_alone(), sums.data(), squares.data());
    for (int64_t i = span_.first; i < end_; ++i) {
      expected_sums[column_of(i)] += at(i).d;
      expected_squares[column_of(i)] += at(i).d * at(i).d;
    }
    expect_sums(sums, expected_sums, "sums");
    expect_sums(squares, expected_squares, "squares");
  }

  void normalize() const {
    const Memory<T> y(end_);
    kernels_.normalize(kType, x_.data(), residual_or_null(), y.data() + span_.first, span_,
                       arrays_.columns(false), activation_);
    expect_activated(y, "y");
  }

  // dz is null where it is not to be kept, y where it is not to be computed along.
  void reduce(const Memory<T>& grad, const Memory<T>* dz, const Memory<T>* y = nullptr) const {
    std::vector<double> sums(width_), dots(width_), expected_sums(width_), expected_dots(width_);
    kernels_.reduce(kType, grad.data(), x_.data(), residual_or_null(), dz == nullptr ? nullptr : dz->data(),
                    y == nullptr ? nullptr : y->data() + span_.first, span_, arrays_.columns(false), activation_,
                    sums.data(), dots.data());
    if (y != nullptr) expect_activated(*y, "y along with dz");
    for (int64_t i = span_.first; i < end_; ++i) {
      const double expected = dz_of(i);
      expected_sums[column_of(i)] += expected;
      expected_dots[column_of(i)] += expected * at(i).d;
      if (dz == nullptr) continue;
      expect_near(decode((*dz)[i]), expected, 4 * tolerance<T> * std::max(1.0, std::fabs(at(i).z)), "dz");
    }
    expect_sums(sums, expected_sums, dz == nullptr ? "sums of unkept dz" : "sums of dz");
    expect_sums(dots, expected_dots, dz == nullptr ? "dots of unkept dz" : "dots of dz");
    if (dz != nullptr) expect_untouched_before(*dz, "dz");
  }

  void gradient_from_kept(const Memory<T>& dz, bool with_slopes) const {
    const Memory<T> dx(end_);
    const T* from = dz.data();
    if (!with_residual_) {
      std::copy(dz.data() + span_.first, dz.data() + end_, dx.data() + span_.first);
      from = dx.data();
    }
    kernels_.gradient(kType, from, x_.data(), dx.data() + span_.first, span_, arrays_.columns(with_slopes),
                      /*rectified=*/false);
    expect_gradient(dx, with_slopes, [&](int64_t i) { return decode(dz[i]); }, "dx from dz");
  }

  void gradient_from_grad(bool with_slopes) const {
    const Memory<T> dx(end_);
    kernels_.gradient(kType, grad_.data(), x_.data(), dx.data() + span_.first, span_, arrays_.columns(with_slopes),
                      activation_.kind == ActivationKind::kRelu);
    expect_gradient(dx, with_slopes, [&](int64_t i) { return dz_of(i); }, "dx from grad");
  }

  void expect_activated(const Memory<T>& y, const char* what) const {
    for (int64_t i = span_.first; i < end_; ++i) {
      expect_near(decode(y[i]), at(i).activated.f, 2 * tolerance<T> * std::max(1.0, std::fabs(at(i).z)), what);
    }
    expect_untouched_before(y, what);
  }

  template <typename Dz>
  void expect_gradient(const Memory<T>& dx, bool with_slopes, const Dz& dz, const char* what) const {
    for (int64_t i = span_.first; i < end_; ++i) {
      const int64_t column = column_of(i);
      double expected = arrays_.scale[column] * dz(i);
      if (with_slopes) expected -= arrays_.slope[column] * at(i).d + arrays_.offset[column];
      expect_near(decode(dx[i]), expected, 8 * tolerance<T>, what);
    }
    expect_untouched_before(dx, what);
  }

  // Of float32 at least; the terms are bounded by 20.
  void expect_sums(const std::vector<double>& actual, const std::vector<double>& expected, const char* what) const {
    const double rows = static_cast<double>(span_.count / width_ + 1);
    const double allowed = 20 * rows * (sizeof(T) == 8 ? tolerance<double> : tolerance<float>);
    for (int64_t column = 0; column < width_; ++column) expect_near(actual[column], expected[column], allowed, what);
  }

  // What lies behind the span is the address sanitizer's matter.
  void expect_untouched_before(const Memory<T>& memory, const char* what) const {
    for (int64_t i = std::max<int64_t>(span_.first - 64, 0); i < span_.first; ++i) {
      expect_near(decode(memory[i]), 0, 0, what);
    }
  }

  void expect_near(double actual, double expected, double allowed, const char* what) const {
    if (!(std::fabs(actual - expected) <= allowed)) expect(false, name_ + ": " + what);
  }

  const Element& at(int64_t i) const { return elements_[i - span_.first]; }
  int64_t column_of(int64_t i) const { return (i - span_.first) % width_; }
  double dz_of(int64_t i) const { return decode(grad_[i]) * at(i).activated.slope; }
  const T* residual_or_null() const { return with_residual_ ? residual_.data() : nullptr; }

  const std::string name_;
  const BatchNormKernels& kernels_;
  const Span span_;
  const int64_t end_, width_;
  const ActivationOptions activation_;
  const bool with_residual_;
  const ColumnArrays<F> arrays_;
  const Memory<T> x_, residual_, grad_;
  std::vector<Element> elements_;
};

void test_types(const Capability& capability, Span span, int64_t width, const ActivationOptions& activation,
                bool with_residual) {
  SpanTest<float>(capability, span, width, activation, with_residual).run();
  SpanTest<double>(capability, span, width, activation, with_residual).run();
  // GELU in bfloat16 has another error than the sums here are to have.
  if (activation.kind == ActivationKind::kEnsemble && activation.ensemble.smooth == Smooth::kGelu) return;
  SpanTest<uint16_t>(capability, span, width, activation, with_residual).run();
}

constexpr EnsembleOptions kWeighted{Smooth::kMish, Mode::kWeighted, 0.3, 0, 0, 0};
constexpr EnsembleOptions kGelu{Smooth::kGelu, Mode::kStochastic, 0.3, -5, 3, 1'000'000'007, 2};
constexpr EnsembleOptions kSurrogate{Smooth::kBSilu, Mode::kSurrogate, 0, 0, 0, 0, 2};
constexpr EnsembleOptions kStochastic{Smooth::kElu, Mode::kStochastic, 0.5, -5, 3, 1'000'000'007};
constexpr EnsembleOptions kCutOff{Smooth::kMish, Mode::kStochastic, 0.5, -5, 3, 1'000'000'007, 1, 0.75};
constexpr EnsembleOptions kForChannels{Smooth::kElu, Mode::kStochastic, 0.5, -5, 3, 1'000'000'007, 1, kNoBound, {80, 16}};

void test_shapes(const Capability& capability) {
  const ActivationOptions activations[] = {kIdentity,
                                           {ActivationKind::kRelu, {}},
                                           {ActivationKind::kEnsemble, kWeighted},
                                           {ActivationKind::kEnsemble, kStochastic},
                                           {ActivationKind::kEnsemble, kGelu},
                                           {ActivationKind::kEnsemble, kSurrogate},
                                           {ActivationKind::kRelu, kCutOff},
                                           {ActivationKind::kEnsemble, kCutOff},
                                           {ActivationKind::kEnsemble, kForChannels}};
  for (const ActivationOptions& activation : activations) {
    for (const bool with_residual : {false, true}) {
      // Rows shorter and longer than a segment and a vector, whole and cut; more than a block of rows.
      for (const int64_t width : {1, 5, 16, 512, 1030}) {
        for (const int64_t count : {int64_t(1), width, 3 * width + width / 2, 40 * width}) {
          for (const int64_t first : {int64_t(0), int64_t(7)}) {
            test_types(capability, {first, count}, width, activation, with_residual);
          }
        }
      }
    }
  }
}

// GELU by vectors that are cut at the end of a row has the bits that it has in whole ones.
void test_cut_vectors(const Capability& capability) {
  if (std::string(capability.name).rfind("avx512", 0) != 0) return;
  constexpr int64_t kWidth = 64;
  const ActivationOptions activation{ActivationKind::kEnsemble, kGelu};
  const ColumnArrays<float> arrays(kWidth);
  const Columns columns = arrays.columns(false);
  std::vector<float> x(kWidth), grad(kWidth);
  for (int64_t i = 0; i < kWidth; ++i) x[i] = 4 * value_at(i, 1.7), grad[i] = value_at(i, 0.6);
  const auto run = [&](int64_t count) {
    std::vector<float> y(kWidth), dz(kWidth);
    std::vector<double> sums(kWidth), dots(kWidth);
    const BatchNormKernels& kernels = *capability.batch_norm;
    kernels.normalize(ElementType::kFloat32, x.data(), nullptr, y.data(), {0, count}, columns, activation);
    kernels.reduce(ElementType::kFloat32, grad.data(), x.data(), nullptr, dz.data(), nullptr, {0, count}, columns,
                   activation, sums.data(), dots.data());
    y.insert(y.end(), dz.begin(), dz.end());
    return y;
  };
  const std::vector<float> whole = run(kWidth);
  for (int64_t count = 1; count < kWidth; ++count) {
    const std::vector<float> cut = run(count);
    for (int64_t i = 0; i < kWidth; ++i) {
      const std::string what = std::string(capability.name) + " GELU of a row cut at " + std::to_string(count);
      expect(cut[i] == (i < count ? whole[i] : 0), what);
      expect(cut[kWidth + i] == (i < count ? whole[kWidth + i] : 0), what + ", gradient");
    }
  }
}

// Element 2^32 starts new key words, in the midst of a row or with it. Sums take a block of rows column by column, and
// so go back over the border.
void test_beyond_32_bits(const Capability& capability) {
  constexpr int64_t kBorder = int64_t(1) << 32;
  for (const int64_t width : {16, 1030}) {
    for (const int64_t before : {int64_t(1500), 16 * width}) {
      const Span span{kBorder - before, before + 2 * width + 7};
      test_types(capability, span, width, {ActivationKind::kEnsemble, kStochastic}, true);
      test_types(capability, span, width, {ActivationKind::kEnsemble, kStochastic}, false);
      test_types(capability, span, width, {ActivationKind::kEnsemble, kCutOff}, false);
    }
  }
}

}  // namespace

void test_batch_norm(const Capability& capability) {
  test_shapes(capability);
  test_cut_vectors(capability);
  test_beyond_32_bits(capability);
}

}  // namespace pea::test
