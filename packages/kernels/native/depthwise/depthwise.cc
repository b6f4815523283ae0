#include "depthwise/depthwise.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "depthwise/depthwise_kernel.h"
#include "tensor/dtype.h"

namespace pea {
namespace {

constexpr char kName[] = "depthwise3x3";
// Parts that threads take, of about so many elements. They depend on the shape alone, so that sums do not depend on the
// number of threads.
constexpr int64_t kPartElements = 65536, kMostParts = 64;

at::Tensor channels_last(const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

// [C, 1, 3, 3] to [3, 3, C].
at::Tensor taps_first(const at::Tensor& weight) { return weight.reshape({weight.size(0), 9}).t().contiguous(); }

DepthwiseShape shape_of(const at::Tensor& x, int64_t stride) { return {x.size(2), x.size(3), x.size(1), stride}; }

// Images in channels_last, row by row.
class Rows {
 public:
  Rows(const at::Tensor& images)
      : data_(static_cast<char*>(images.data_ptr())),
        height_(images.size(2)),
        row_bytes_(images.size(3) * images.size(1) * images.element_size()) {}

  // Null outside of the image.
  void* at(int64_t image, int64_t row) const {
    return row >= 0 && row < height_ ? data_ + (image * height_ + row) * row_bytes_ : nullptr;
  }

 private:
  char* data_;
  int64_t height_, row_bytes_;
};

// The rows of the images, as they lie or, where they are to be computed of x, computed when the first of their strip is asked
// for. Each thread has its own.
class InputRows {
 public:
  // activation: null for the rows of x as they lie.
  InputRows(const at::Tensor& x, const ActivationOnLoad* activation)
      : x_(x),
        activation_(activation),
        height_(x.size(2)),
        row_elements_(x.size(3) * x.size(1)),
        row_bytes_(row_elements_ * x.element_size()),
        strip_rows_(std::max(kStripElements / row_elements_, kLeastStripRows)),
        memory_(activation == nullptr ? 0 : kStrips * strip_rows_ * row_bytes_) {}

  // The three rows that an output row is computed of.
  DepthwiseRows window(int64_t image, int64_t output_row, int64_t stride) {
    const int64_t first = output_row * stride - 1;
    return {{at(image, first), at(image, first + 1), at(image, first + 2)}};
  }

 private:
  // So many elements that the call counts for little and the caches hold them; and so many rows that three neighbours lie in
  // no more than two strips, which is what is kept.
  static constexpr int64_t kStripElements = 4096, kLeastStripRows = 2, kStrips = 2;

  const void* at(int64_t image, int64_t row) {
    const void* const plain = x_.at(image, row);
    if (plain == nullptr || activation_ == nullptr) return plain;
    const int64_t strip = row / strip_rows_, index = image * at::divup(height_, strip_rows_) + strip;
    char* const kept = memory_.data() + index % kStrips * strip_rows_ * row_bytes_;
    if (held_[index % kStrips] != index) {
      const int64_t first = strip * strip_rows_, rows = std::min(strip_rows_, height_ - first);
      activation_->apply({(image * height_ + first) * row_elements_, rows * row_elements_}, kept);
      held_[index % kStrips] = index;
    }
    return kept + row % strip_rows_ * row_bytes_;
  }

  Rows x_;
  const ActivationOnLoad* activation_;
  int64_t height_, row_elements_, row_bytes_, strip_rows_;
  std::vector<char> memory_;
  int64_t held_[kStrips] = {-1, -1};
};

// The rows of the result's gradient that a row of x contributed to.
DepthwiseRows reached_rows(const Rows& dy, int64_t image, int64_t row, int64_t stride) {
  DepthwiseRows rows{};
  for (int64_t k = 0; k < 3; ++k) {
    const int64_t stepped = row + 1 - k;
    if (stepped % stride == 0) rows.of[k] = dy.at(image, stepped / stride);
  }
  return rows;
}

// The rows of all images' results, in parts.
class OutputRows {
 public:
  OutputRows(int64_t images, const DepthwiseShape& shape)
      : height_(shape.output_height()), rows_(images * height_) {
    const int64_t elements = rows_ * shape.output_width() * shape.channels;
    part_rows_ = std::max<int64_t>(at::divup(rows_, std::clamp<int64_t>(elements / kPartElements, 1, kMostParts)), 1);
  }

  int64_t parts() const { return at::divup(rows_, part_rows_); }

  // Calls body(rows of the input, part, image, row) for all rows, part after part in parallel.
  template <typename Body>
  void parallel(const ConvolutionInput& input, const Body& body) const {
    const at::Tensor x = channels_last(input.x);
    c10::optional<ActivationOnLoad> activation;
    if (input.normalization.defined()) activation.emplace(DeferredActivation{x, input.normalization, input.activation});
    at::parallel_for(0, parts(), 1, [&](int64_t first, int64_t last) {
      InputRows from(x, activation ? &*activation : nullptr);
      for (int64_t row = first * part_rows_; row < std::min(last * part_rows_, rows_); ++row) {
        body(from, row / part_rows_, row / height_, row % height_);
      }
    });
  }

 private:
  int64_t height_, rows_, part_rows_;
};

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride) {
  TORCH_CHECK_TYPE(x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble, kName,
                   ": x must be float32 or float64, not ", x.scalar_type());
  TORCH_CHECK_TYPE(weight.scalar_type() == x.scalar_type(), kName, ": x is ", x.scalar_type(), " and weight ",
                   weight.scalar_type(), "; they must be equal");
  TORCH_CHECK_VALUE(x.dim() == 4 && weight.sizes() == at::IntArrayRef({x.size(1), 1, 3, 3}), kName,
                    ": x must be [N, C, H, W] and weight [C, 1, 3, 3], not ", x.sizes(), " and ", weight.sizes());
  TORCH_CHECK_VALUE(x.size(2) > 0 && x.size(3) > 0, kName, ": images must have pixels, not ", x.sizes());
  TORCH_CHECK_VALUE(x.size(1) > 0 && x.size(1) % kDepthwiseChannels == 0, kName, ": channels must be a multiple of ",
                    kDepthwiseChannels, ", not ", x.size(1));
  TORCH_CHECK_VALUE(stride == 1 || stride == 2, kName, ": stride must be 1 or 2, not ", stride);
  if (!bias.defined()) return;
  TORCH_CHECK_TYPE(bias.scalar_type() == x.scalar_type(), kName, ": x is ", x.scalar_type(), " and bias ",
                   bias.scalar_type(), "; they must be equal");
  TORCH_CHECK_VALUE(bias.dim() == 1 && bias.size(0) == x.size(1), kName, ": bias must be [", x.size(1), "], not ",
                    bias.sizes());
}

at::Tensor forward(const ConvolutionInput& input, const at::Tensor& weight, const at::Tensor& bias, int64_t stride) {
  const at::Tensor& x = input.x;
  check(x, weight, bias, stride);
  const at::Tensor w = taps_first(weight), b = bias.defined() ? bias.contiguous() : at::Tensor();
  const DepthwiseShape shape = shape_of(x, stride);
  const at::Tensor y = at::empty({x.size(0), x.size(1), shape.output_height(), shape.output_width()},
                                 x.options().memory_format(at::MemoryFormat::ChannelsLast));
  const ElementType type = element_type(x, kName);
  const Rows to(y);
  const void* const taps = w.data_ptr();
  const void* const offset = b.defined() ? b.data_ptr() : nullptr;
  OutputRows(x.size(0), shape).parallel(input, [&](InputRows& from, int64_t, int64_t image, int64_t row) {
    depthwise_kernels().forward(type, shape, from.window(image, row, stride), taps, offset, to.at(image, row));
  });
  return y;
}

ConvolutionGradients backward(const at::Tensor& grad, const ConvolutionInput& input, const at::Tensor& weight,
                              int64_t stride, bool wants_images, bool wants_weight) {
  const at::Tensor& x = input.x;
  const at::Tensor gradient = channels_last(grad), w = taps_first(weight);
  const int64_t channels = x.size(1);
  const DepthwiseShape shape = shape_of(x, stride);
  const OutputRows output_rows(x.size(0), shape);
  const at::Tensor dx =
      wants_images ? at::empty_like(x, x.options(), at::MemoryFormat::ChannelsLast) : at::Tensor();
  // Each part sums for itself in the element's arithmetic, all of them together in double.
  const at::Tensor sums =
      wants_weight ? at::zeros({output_rows.parts(), 9, channels}, x.options()) : at::Tensor();

  const ElementType type = element_type(x, kName);
  const Rows of_gradient(gradient);
  const void* const taps = w.data_ptr();
  output_rows.parallel(input, [&](InputRows& from, int64_t part, int64_t image, int64_t row) {
    if (wants_weight) {
      auto* const part_sums = static_cast<char*>(sums.data_ptr()) + part * 9 * channels * sums.element_size();
      depthwise_kernels().weight_gradient(type, shape, from.window(image, row, stride), of_gradient.at(image, row),
                                          part_sums);
    }
    if (!wants_images) return;
    const Rows to(dx);
    // The rows of x from the middle of this row's window to the next one's.
    for (int64_t own = row * stride; own < std::min((row + 1) * stride, shape.height); ++own) {
      depthwise_kernels().input_gradient(type, shape, reached_rows(of_gradient, image, own, stride), taps,
                                         to.at(image, own));
    }
  });
  if (!wants_weight) return {dx, at::Tensor()};
  const at::Tensor dw = sums.sum(0, /*keepdim=*/false, at::kDouble).to(x.scalar_type());
  return {dx, dw.t().reshape({channels, 1, 3, 3})};
}

}  // namespace

const ConvolutionOperator depthwise3x3 = {kName, forward, backward};

}  // namespace pea
