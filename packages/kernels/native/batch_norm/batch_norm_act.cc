#include "batch_norm/batch_norm_act.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "batch_norm/activation_on_load.h"
#include "batch_norm/channel_partition.h"
#include "tensor/dtype.h"

namespace pea {
namespace {

constexpr char kName[] = "batch_norm_act";
// As many rows as give a center near the mean.
constexpr int64_t kCenterRows = 32;

template <typename Body>
void parallel_parts(const ChannelPartition& partition, const Body& body) {
  at::parallel_for(0, partition.parts(), 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) body(part);
  });
}

// That of x; where x has gaps the one that its strides are of, as libtorch's batch norm has it.
at::MemoryFormat memory_format(const at::Tensor& x) {
  if (x.dim() != 4) return at::MemoryFormat::Contiguous;
  const bool is_channels_last = x.is_contiguous(at::MemoryFormat::ChannelsLast);
  return is_channels_last ? at::MemoryFormat::ChannelsLast : x.suggest_memory_format();
}

// data_ptr() of an absent tensor is an error; its data is null.
void* data_or_null(const at::Tensor& tensor) { return tensor.defined() ? tensor.data_ptr() : nullptr; }

Doubles to_doubles(const at::Tensor& vector) {
  Doubles values(vector.numel());
  AT_DISPATCH_FLOATING_TYPES(vector.scalar_type(), kName, [&] {
    const auto elements = vector.accessor<scalar_t, 1>();
    for (int64_t i = 0; i < elements.size(0); ++i) values[i] = elements[i];
  });
  return values;
}

at::Tensor to_tensor(const Doubles& values, at::ScalarType dtype) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, dtype);
  AT_DISPATCH_FLOATING_TYPES(dtype, kName, [&] {
    std::copy(values.begin(), values.end(), tensor.data_ptr<scalar_t>());
  });
  return tensor;
}

void check_vector(const at::Tensor& vector, const char* what, const at::Tensor& x) {
  if (!vector.defined()) return;
  const at::ScalarType dtype = arithmetic_dtype(x);
  TORCH_CHECK_VALUE(vector.dim() == 1 && vector.size(0) == x.size(1), kName, ": ", what, " must have the shape [",
                    x.size(1), "], the channels of x, not ", vector.sizes());
  TORCH_CHECK_TYPE(vector.scalar_type() == dtype, kName, ": ", what, " must be ", dtype, " for x of ",
                   x.scalar_type(), ", not ", vector.scalar_type());
}

void check_like_x(const at::Tensor& tensor, const char* what, const at::Tensor& x) {
  if (!tensor.defined()) return;
  TORCH_CHECK_VALUE(tensor.sizes() == x.sizes(), kName, ": ", what, " has the shape ", tensor.sizes(), ", x has ",
                    x.sizes(), "; they must be equal");
  TORCH_CHECK_TYPE(tensor.scalar_type() == x.scalar_type(), kName, ": ", what, " is ", tensor.scalar_type(),
                   ", x is ", x.scalar_type(), "; they must be equal");
}

void check(const BatchNormInputs& inputs, const at::Tensor& running_mean, const at::Tensor& running_var,
           const BatchNormSettings& settings) {
  const at::Tensor& x = inputs.x;
  TORCH_CHECK_VALUE(x.dim() >= 2, kName, ": x must be [N, channels, ...], not ", x.sizes());
  check_like_x(inputs.residual, "residual", x);
  check_vector(inputs.weight, "weight", x);
  check_vector(inputs.bias, "bias", x);
  check_vector(running_mean, "running_mean", x);
  check_vector(running_var, "running_var", x);
  TORCH_CHECK_VALUE(running_mean.defined() == running_var.defined(), kName,
                    ": running_mean and running_var are given together or not at all");
  TORCH_CHECK_VALUE(settings.training || running_mean.defined(), kName, ": inference needs running statistics");
  TORCH_CHECK_VALUE(!settings.training || x.numel() != x.size(1), kName,
                    ": Expected more than 1 value per channel when training, got input size ", x.sizes());
}

// Arrays over the columns of one part, or of all parts where they are interleaved.
class ColumnArrays {
 public:
  enum Array { kCenter, kScale, kShift, kSlope, kOffset, kArrays };

  ColumnArrays(const ChannelPartition& partition, ElementType type)
      : width_(partition.width()), is_double_(type == ElementType::kFloat64) {
    (is_double_ ? doubles_.resize(kArrays * width_) : floats_.resize(kArrays * width_));
  }

  void set(Array array, int64_t column, double value) {
    if (is_double_) doubles_[array * width_ + column] = value;
    else floats_[array * width_ + column] = static_cast<float>(value);
  }

  double get(Array array, int64_t column) const {
    return is_double_ ? doubles_[array * width_ + column] : floats_[array * width_ + column];
  }

  Columns columns() const {
    return {width_, array(kCenter), array(kScale), array(kShift), array(kSlope), array(kOffset)};
  }

 private:
  const void* array(Array array) const {
    if (is_double_) return doubles_.data() + array * width_;
    return floats_.data() + array * width_;
  }

  int64_t width_;
  bool is_double_;
  Doubles doubles_;
  std::vector<float> floats_;
};

// As in batch_norm_kernel.h.
struct Normalization {
  double center, scale, shift;
};

// What the columns' arrays follow from, for each channel.
struct Channels {
  Doubles mean, inverse_deviation, weight, bias;
  Doubles slope, offset;  // of the backward pass; empty before and in inference

  double center(int64_t c, ElementType type) const {
    return type == ElementType::kFloat64 ? mean[c] : static_cast<double>(static_cast<float>(mean[c]));
  }

  Normalization normalization(int64_t c, ElementType type) const {
    const double nearest = center(c, type), scale = weight[c] * inverse_deviation[c];
    // What the center lacks to the mean is made up for by the shift.
    return {nearest, scale, bias[c] + (nearest - mean[c]) * scale};
  }
};

ColumnArrays column_arrays(const ChannelPartition& partition, int64_t part, ElementType type, const Channels& of) {
  ColumnArrays arrays(partition, type);
  for (int64_t column = 0; column < partition.width(); ++column) {
    const int64_t c = partition.channel(part, column);
    const Normalization normalization = of.normalization(c, type);
    arrays.set(ColumnArrays::kCenter, column, normalization.center);
    arrays.set(ColumnArrays::kScale, column, normalization.scale);
    arrays.set(ColumnArrays::kShift, column, normalization.shift);
    if (of.slope.empty()) continue;
    arrays.set(ColumnArrays::kSlope, column, of.slope[c]);
    arrays.set(ColumnArrays::kOffset, column, of.offset[c]);
  }
  return arrays;
}

// Calls body(part, columns) for each part, in parallel.
template <typename Body>
void parallel_columns(const ChannelPartition& partition, ElementType type, const Channels& channels,
                      const Body& body) {
  if (partition.interleaved()) {
    const ColumnArrays shared = column_arrays(partition, 0, type, channels);
    parallel_parts(partition, [&](int64_t part) { body(part, shared.columns()); });
  } else {
    parallel_parts(partition, [&](int64_t part) {
      const ColumnArrays own = column_arrays(partition, part, type, channels);
      body(part, own.columns());
    });
  }
}

// Calls body(Span) for the spans of a part.
template <typename Body>
void for_each_span(const ChannelPartition& partition, int64_t part, const Body& body) {
  for (int64_t i = 0; i < partition.spans(); ++i) body(partition.span(part, i));
}

// One value for each column of each part.
struct PartMoments {
  Doubles centers, sums, squares;  // of x - center
};

// The sums of one part about centers of its own, the means of its first rows.
void add_part(PartMoments& moments, const ChannelPartition& partition, int64_t part, const void* x,
              ElementType type) {
  const int64_t width = partition.width();
  double* const centers = moments.centers.data() + part * width;
  double* const sums = moments.sums.data() + part * width;
  double* const squares = moments.squares.data() + part * width;
  ColumnArrays arrays(partition, type);

  Span head = partition.span(part, 0);
  head.count = std::min(head.count, kCenterRows * width);
  batch_norm_kernels().moments(type, x, head, arrays.columns(), sums, squares);
  // In a plane the columns share a channel, and few rows make a mean only together.
  const double plane_sum = std::accumulate(sums, sums + width, 0.0);
  for (int64_t column = 0; column < width; ++column) {
    const int64_t rows = std::max<int64_t>(head.count / width + (column < head.count % width ? 1 : 0), 1);
    arrays.set(ColumnArrays::kCenter, column,
               partition.interleaved() ? sums[column] / rows : plane_sum / head.count);
    centers[column] = arrays.get(ColumnArrays::kCenter, column);
    sums[column] = squares[column] = 0;
  }
  for_each_span(partition, part, [&](Span span) {
    batch_norm_kernels().moments(type, x, span, arrays.columns(), sums, squares);
  });
}

// Of what lies in memory as a whole.
Moments batch_moments(const ChannelPartition& partition, const void* x, ElementType type) {
  const int64_t columns = partition.parts() * partition.width();
  PartMoments parts{Doubles(columns), Doubles(columns), Doubles(columns)};
  parallel_parts(partition, [&](int64_t part) { add_part(parts, partition, part, x, type); });
  return pooled_moments(partition.channels(), [&](const auto& body) {
    partition.for_each_column([&](int64_t part, int64_t column, int64_t c, int64_t rows) {
      const int64_t at = part * partition.width() + column;
      body(c, {static_cast<double>(rows), parts.centers[at], parts.sums[at], parts.squares[at]});
    });
  });
}

// running = (1 - momentum) running + momentum batch
void update_running(const at::Tensor& running, const Doubles& batch, double momentum) {
  AT_DISPATCH_FLOATING_TYPES(running.scalar_type(), kName, [&] {
    auto values = running.accessor<scalar_t, 1>();
    for (int64_t c = 0; c < values.size(0); ++c) {
      values[c] = static_cast<scalar_t>(momentum * batch[c] + (1 - momentum) * values[c]);
    }
  });
  running.unsafeGetTensorImpl()->bump_version();
}

// Mean and inverse deviation: of the batch, which the running statistics then follow, or the running ones.
void set_statistics(Channels& channels, const ChannelPartition& partition, const void* x, const BatchNormInputs& inputs,
                    const at::Tensor& running_mean, const at::Tensor& running_var, const BatchNormSettings& settings) {
  const int64_t per_channel = inputs.x.numel() / inputs.x.size(1);
  Doubles variance;
  if (settings.training) {
    Moments moments = inputs.moments != nullptr ? *inputs.moments
                                                : batch_moments(partition, x, element_type(inputs.x, kName));
    channels.mean = std::move(moments.mean);
    variance = std::move(moments.squares);
    if (running_mean.defined()) {
      Doubles unbiased = variance;
      for (double& value : unbiased) value /= static_cast<double>(per_channel - 1);
      update_running(running_mean, channels.mean, settings.momentum);
      update_running(running_var, unbiased, settings.momentum);
    }
    for (double& value : variance) value /= static_cast<double>(per_channel);
  } else {
    channels.mean = to_doubles(running_mean);
    variance = to_doubles(running_var);
  }
  channels.inverse_deviation = std::move(variance);
  for (double& value : channels.inverse_deviation) value = 1 / std::sqrt(value + settings.eps);
}

// Of inputs that have elements; x points to their first one, in the partition's order.
Channels forward_channels(const BatchNormInputs& inputs, const ChannelPartition& partition, const void* x,
                          const at::Tensor& running_mean, const at::Tensor& running_var,
                          const BatchNormSettings& settings) {
  Channels channels;
  channels.weight = to_doubles(inputs.weight);
  channels.bias = to_doubles(inputs.bias);
  set_statistics(channels, partition, x, inputs, running_mean, running_var, settings);
  return channels;
}

// [3, C], or [5, C] where there are slopes: see ChannelColumns.
at::Tensor rows_of(const Channels& channels, ElementType type) {
  const auto count = static_cast<int64_t>(channels.mean.size());
  const at::Tensor tensor = at::zeros({channels.slope.empty() ? 3 : 5, count}, at::kDouble);
  auto rows = tensor.accessor<double, 2>();
  for (int64_t c = 0; c < count; ++c) {
    const Normalization of = channels.normalization(c, type);
    rows[0][c] = of.center;
    rows[1][c] = of.scale;
    rows[2][c] = of.shift;
    if (channels.slope.empty()) continue;
    rows[3][c] = channels.slope[c];
    rows[4][c] = channels.offset[c];
  }
  return tensor;
}

BatchNormStatistics statistics_of(const Channels& channels) {
  return {to_tensor(channels.mean, at::kDouble), to_tensor(channels.inverse_deviation, at::kDouble)};
}

}  // namespace

ActivationOptions activation_options(const at::Tensor& x, const EnsembleArguments& arguments) {
  if (arguments.smooth == "identity") return {ActivationKind::kIdentity, {}};
  // ReLU is what any ensemble is at alpha = 1.
  EnsembleArguments of = arguments;
  if (of.smooth == "relu") {
    of.smooth = "gelu";
    of.alpha = 1;
  }
  const EnsembleOptions options = ensemble_options(x, memory_format(x), of);
  return {options.alpha == 1 ? ActivationKind::kRelu : ActivationKind::kEnsemble, options};
}

BatchNormOutput batch_norm_act_forward(const BatchNormInputs& inputs, const at::Tensor& running_mean,
                                       const at::Tensor& running_var, const BatchNormSettings& settings) {
  check(inputs, running_mean, running_var, settings);
  const ElementType type = element_type(inputs.x, kName);
  const at::MemoryFormat format = memory_format(inputs.x);
  const at::Tensor x = inputs.x.contiguous(format);
  const at::Tensor residual = inputs.residual.defined() ? inputs.residual.contiguous(format) : at::Tensor();
  at::Tensor y = at::empty_like(x);
  if (x.numel() == 0) return {y, {at::empty({0}, at::kDouble), at::empty({0}, at::kDouble)}};

  const ChannelPartition partition(x);
  const Channels channels = forward_channels(inputs, partition, x.data_ptr(), running_mean, running_var, settings);
  const void* from = x.data_ptr();
  const void* from_residual = data_or_null(residual);
  auto* const to = static_cast<char*>(y.data_ptr());
  parallel_columns(partition, type, channels, [&](int64_t part, const Columns& columns) {
    for_each_span(partition, part, [&](Span span) {
      batch_norm_kernels().normalize(type, from, from_residual, to + span.first * y.element_size(), span, columns,
                                     settings.activation);
    });
  });
  return {y, statistics_of(channels)};
}

DeferredStatistics batch_norm_act_deferred(const BatchNormInputs& inputs, const at::Tensor& running_mean,
                                           const at::Tensor& running_var, const BatchNormSettings& settings) {
  check(inputs, running_mean, running_var, settings);
  const at::Tensor& x = inputs.x;
  TORCH_CHECK_VALUE(x.dim() == 4 && x.numel() > 0 && x.is_contiguous(at::MemoryFormat::ChannelsLast), kName,
                    ": what is deferred must have elements and lie in channels_last");
  const Channels channels =
      forward_channels(inputs, ChannelPartition(x), x.data_ptr(), running_mean, running_var, settings);
  return {rows_of(channels, element_type(x, kName)), statistics_of(channels)};
}

at::Tensor apply_deferred(const DeferredActivation& deferred) {
  const at::Tensor y = at::empty_like(deferred.x);
  const ActivationOnLoad activation(deferred);
  auto* const to = static_cast<char*>(y.data_ptr());
  const ChannelPartition partition(deferred.x);
  parallel_parts(partition, [&](int64_t part) {
    for_each_span(partition, part, [&](Span span) { activation.apply(span, to + span.first * y.element_size()); });
  });
  return y;
}

namespace {

Channels backward_channels(const BatchNormInputs& inputs, const BatchNormStatistics& statistics) {
  return {to_doubles(statistics.mean), to_doubles(statistics.inverse_deviation), to_doubles(inputs.weight),
          to_doubles(inputs.bias), {}, {}};
}

// Sets slope and offset by Σ dz and Σ dz · d of each channel, and makes the dots the weight's gradient; the sums are
// the bias'.
void set_slopes(Channels& channels, const BatchNormInputs& inputs, const BatchNormSettings& settings,
                const Doubles& sums, Doubles& dots) {
  const ElementType type = element_type(inputs.x, kName);
  const double per_channel = static_cast<double>(inputs.x.numel()) / static_cast<double>(inputs.x.size(1));
  if (settings.training) {
    channels.slope.resize(sums.size());
    channels.offset.resize(sums.size());
  }
  for (size_t c = 0; c < sums.size(); ++c) {
    const double shortfall = channels.center(c, type) - channels.mean[c];
    const double inverse = channels.inverse_deviation[c];
    dots[c] = (dots[c] + shortfall * sums[c]) * inverse;
    if (!settings.training) continue;
    // dx = weight / σ · (dz - mean of dz - normalized x · mean of (dz · normalized x))
    channels.slope[c] = channels.weight[c] * inverse * inverse * dots[c] / per_channel;
    channels.offset[c] = channels.weight[c] * inverse * sums[c] / per_channel + channels.slope[c] * shortfall;
  }
}

// Whether dz is computed a second time rather than kept.
bool recomputes_gradient(const ActivationOptions& activation) {
  return activation.kind == ActivationKind::kIdentity ||
         (activation.kind == ActivationKind::kRelu && !is_cut_off(activation.ensemble));
}

}  // namespace

BatchNormGradients batch_norm_act_backward(const at::Tensor& grad, const BatchNormInputs& inputs,
                                           const BatchNormStatistics& statistics, const BatchNormSettings& settings,
                                           bool is_free) {
  check_like_x(grad, "grad", inputs.x);
  const ElementType type = element_type(inputs.x, kName);
  const at::MemoryFormat format = memory_format(inputs.x);
  const at::Tensor x = inputs.x.contiguous(format);
  const at::Tensor gradient = grad.contiguous(format);
  const at::Tensor residual = inputs.residual.defined() ? inputs.residual.contiguous(format) : at::Tensor();
  if (x.numel() == 0) {
    const at::Tensor dx = at::empty_like(x);
    return {dx, residual.defined() ? at::empty_like(residual) : residual, at::zeros_like(inputs.weight),
            at::zeros_like(inputs.bias)};
  }

  const ChannelPartition partition(x);
  const int64_t width = partition.width();
  Channels channels = backward_channels(inputs, statistics);

  // The first pass keeps dz where it is the residual's gradient, and where computing it again costs more than memory:
  // in dx then, which the second pass overwrites in place. Whichever comes first is the gradient's memory, if it may be.
  const bool is_copy = !gradient.is_same(grad);
  const at::Tensor first = is_copy || (is_free && gradient.storage().use_count() == 1) ? gradient : at::empty_like(x);
  const at::Tensor dx = residual.defined() ? at::empty_like(x) : first;
  at::Tensor dz;
  if (residual.defined()) dz = first;
  else if (!recomputes_gradient(settings.activation)) dz = dx;
  const void* from_grad = gradient.data_ptr();
  const void* from_x = x.data_ptr();
  const void* from_residual = data_or_null(residual);
  void* to_dz = data_or_null(dz);
  Doubles sums(partition.parts() * width), dots(partition.parts() * width);
  parallel_columns(partition, type, channels, [&](int64_t part, const Columns& columns) {
    for_each_span(partition, part, [&](Span span) {
      batch_norm_kernels().reduce(type, from_grad, from_x, from_residual, to_dz, /*y=*/nullptr, span, columns,
                                  settings.activation, sums.data() + part * width, dots.data() + part * width);
    });
  });

  Doubles dweight(partition.channels()), dbias(partition.channels());
  partition.for_each_column([&](int64_t part, int64_t column, int64_t c, int64_t) {
    dbias[c] += sums[part * width + column];
    dweight[c] += dots[part * width + column];
  });
  set_slopes(channels, inputs, settings, dbias, dweight);

  const bool rectified = !dz.defined() && settings.activation.kind == ActivationKind::kRelu;
  if (dz.defined()) from_grad = to_dz;
  auto* const to_dx = static_cast<char*>(dx.data_ptr());
  parallel_columns(partition, type, channels, [&](int64_t part, Columns columns) {
    if (!settings.training) columns.slope = columns.offset = nullptr;
    for_each_span(partition, part, [&](Span span) {
      batch_norm_kernels().gradient(type, from_grad, from_x, to_dx + span.first * dx.element_size(), span, columns,
                                    rectified);
    });
  });
  return {dx, residual.defined() ? dz : at::Tensor(), to_tensor(dweight, inputs.weight.scalar_type()),
          to_tensor(dbias, inputs.bias.scalar_type())};
}

BatchNormReduced batch_norm_act_reduced(const at::Tensor& sums, const BatchNormInputs& inputs,
                                        const BatchNormStatistics& statistics, const BatchNormSettings& settings) {
  Channels channels = backward_channels(inputs, statistics);
  Doubles dweight = to_doubles(sums[1]);
  const Doubles dbias = to_doubles(sums[0]);
  set_slopes(channels, inputs, settings, dbias, dweight);
  return {rows_of(channels, element_type(inputs.x, kName)), to_tensor(dweight, inputs.weight.scalar_type()),
          to_tensor(dbias, inputs.bias.scalar_type())};
}

}  // namespace pea
