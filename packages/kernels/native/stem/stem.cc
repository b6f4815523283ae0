#include "stem/stem.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "convolution/check_dtypes.h"
#include "convolution/libtorch_convolution.h"
#include "convolution/tiles.h"
#include "convolution/weight_sums.h"
#include "pointwise/pointwise_kernel.h"

namespace pea {
namespace {

constexpr char kName[] = "stem";
constexpr int64_t kMostChannels = 4, kMostWindow = 7;
// Pixels of the result's gradient, in whole rows, that sums stay in registers for.
constexpr int64_t kSumPixels = 128;

struct StemShape {
  int64_t height, width, channels, window, outputs;
  WindowSteps steps;

  int64_t output_height() const { return at::divup(height, steps.stride); }
  int64_t output_width() const { return at::divup(width, steps.stride); }
  // Elements of a window's row.
  int64_t segment() const { return window * channels; }
  // From one window to the next.
  int64_t step() const { return steps.stride * channels; }
};

StemShape shape_of(const at::Tensor& x, const at::Tensor& weight, const WindowSteps& steps) {
  return {x.size(2), x.size(3), x.size(1), weight.size(2), weight.size(0), steps};
}

// The rows of images that windows lie on, with zeros on all sides. Each thread has its own.
class PaddedRows {
 public:
  PaddedRows(const at::Tensor& images, const StemShape& shape, int64_t most_output_rows)
      : images_(images, shape.width * shape.channels),
        shape_(shape),
        before_(shape.steps.left * shape.channels),
        elements_(std::max(before_ + shape.width * shape.channels,
                           (shape.output_width() - 1) * shape.step() + shape.segment())),
        element_size_(images.element_size()),
        places_((most_output_rows - 1) * shape.steps.stride + shape.window),
        memory_((places_ + 1) * elements_ * element_size_),
        held_(places_, -1),
        starts_(shape.window * most_output_rows) {}

  const char* data() const { return memory_.data(); }

  // Where the rows of windows begin behind data(), for neighbouring rows of outputs, counted over all images: first those of their
  // windows' first rows. Until the next call.
  const int64_t* starts(int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t image = (first + i) / shape_.output_height(), output_row = (first + i) % shape_.output_height();
      for (int64_t k = 0; k < shape_.window; ++k) {
        const int64_t row = output_row * shape_.steps.stride + k - shape_.steps.top;
        const bool is_inside = row >= 0 && row < shape_.height;
        starts_[k * count + i] = (is_inside ? place_of(image * shape_.height + row) : places_) * elements_;
      }
    }
    return starts_.data();
  }

 private:
  // Behind all places lies a row of zeros.
  int64_t place_of(int64_t row) {
    const int64_t place = row % places_;
    if (held_[place] != row) {
      std::memcpy(memory_.data() + (place * elements_ + before_) * element_size_, images_.row(row),
                  shape_.width * shape_.channels * element_size_);
      held_[place] = row;
    }
    return place;
  }

  Matrix images_;
  StemShape shape_;
  int64_t before_, elements_, element_size_, places_;
  std::vector<char> memory_;
  std::vector<int64_t> held_, starts_;
};

// Of all images' results.
Tiling rows_of(const at::Tensor& x, const StemShape& shape, int64_t parts = kMostParts) {
  return {x.size(0) * shape.output_height(), shape.output_width() * shape.outputs, /*least_in_tile=*/1, parts};
}

// As PointwiseKernels::multiply_segments takes it.
at::Tensor packed(const at::Tensor& weight, const at::Tensor& x, const StemShape& shape) {
  const int64_t segment_depth = Segments{nullptr, shape.window, shape.segment(), shape.step()}.depth();
  at::Tensor rows = weight.permute({0, 2, 3, 1}).reshape({shape.outputs, shape.window, shape.segment()});
  if (segment_depth > shape.segment()) rows = at::constant_pad_nd(rows, {0, segment_depth - shape.segment()});
  const int64_t depth = shape.window * segment_depth;
  const at::Tensor matrix = rows.contiguous(), panels = at::empty({matrix.numel()}, x.options().memory_format(c10::nullopt));
  pointwise_kernels().pack(element_type(x, kName), matrix.data_ptr(), depth, shape.outputs, /*depth_stride=*/1,
                           /*column_stride=*/depth, panels.data_ptr());
  return panels;
}

// Zeros around images are multiplied here and left out by libtorch, which matters where a factor is not finite.
bool is_finite(const at::Tensor& tensor) {
  const at::Tensor values = tensor.contiguous();
  bool finite = true;
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), kName, [&] {
    const scalar_t* const data = values.data_ptr<scalar_t>();
    finite = std::all_of(data, data + values.numel(), [](scalar_t value) { return std::isfinite(value); });
  });
  return finite;
}

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps) {
  check_dtypes(x, weight, bias, kName);
  const int64_t window = weight.dim() == 4 ? weight.size(2) : 0;
  TORCH_CHECK_VALUE(x.dim() == 4 && weight.dim() == 4 && weight.size(3) == window && window >= 2 && window <= kMostWindow,
                    kName, ": x must be [N, C, H, W] and weight [K, C, k, k] with k from 2 to ", kMostWindow, ", not ",
                    x.sizes(), " and ", weight.sizes());
  TORCH_CHECK_VALUE(x.size(2) > 0 && x.size(3) > 0, kName, ": images must have pixels, not ", x.sizes());
  TORCH_CHECK_VALUE(x.size(1) == weight.size(1), kName, ": x has ", x.size(1), " channels and weight takes ",
                    weight.size(1));
  TORCH_CHECK_VALUE(x.size(1) > 0 && x.size(1) <= kMostChannels, kName, ": x must have 1 to ", kMostChannels,
                    " channels, not ", x.size(1));
  TORCH_CHECK_VALUE(weight.size(0) > 0 && weight.size(0) % kPointwiseChannels == 0, kName,
                    ": weight's outputs must be a multiple of ", kPointwiseChannels, ", not ", weight.size(0));
  TORCH_CHECK_VALUE(steps.stride == 1 || steps.stride == 2, kName, ": stride must be 1 or 2, not ", steps.stride);
  for (const int64_t before : {steps.top, steps.left}) {
    TORCH_CHECK_VALUE(before >= 0 && before < window, kName, ": the padding before must be 0 to ", window - 1,
                      ", not [", steps.top, ", ", steps.left, "]");
  }
  if (!bias.defined()) return;
  TORCH_CHECK_VALUE(bias.dim() == 1 && bias.size(0) == weight.size(0), kName, ": bias must be [", weight.size(0),
                    "], not ", bias.sizes());
}

at::Tensor forward(const ConvolutionInput& input, const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps,
                   Moments* moments) {
  check(input.x, weight, bias, steps);
  const at::Tensor x = Images::channels_last(input.x), b = bias.defined() ? bias.contiguous() : at::Tensor();
  const at::ScalarType dtype = x.scalar_type();
  if (!is_finite(weight)) {
    return Images::channels_last(libtorch_convolution(x, weight.to(dtype), b.defined() ? b.to(dtype) : b, steps));
  }
  const StemShape shape = shape_of(x, weight, steps);
  const int64_t width = shape.output_width();
  const at::Tensor y = at::empty({x.size(0), shape.outputs, shape.output_height(), width},
                                 x.options().memory_format(at::MemoryFormat::ChannelsLast));
  const at::Tensor panels = packed(weight, x, shape);
  const Tiling rows = rows_of(x, shape);
  const Matrix to(y, width * shape.outputs);
  const ElementType type = element_type(x, kName);
  GatheredMoments gathered(rows.parts(), shape.outputs, type);
  rows.parallel_parts([&](int64_t part) {
    PaddedRows from(x, shape, /*most_output_rows=*/1);
    rows.for_each_tile(part, [&](int64_t, int64_t first, int64_t count) {
      for (int64_t row = first; row < first + count; ++row) {
        const Segments segments{from.starts(row, 1), shape.window, shape.segment(), shape.step()};
        pointwise_kernels().multiply_segments(type, from.data(), segments, panels.data_ptr(),
                                              b.defined() ? b.data_ptr() : nullptr, to.row(row), width, shape.outputs);
      }
      if (moments != nullptr) gathered.add(part, to.row(first), count * width);
    });
  });
  if (moments != nullptr) *moments = gathered.pooled();
  return y;
}

at::Tensor weight_gradient(const Images& gradients, const at::Tensor& x, const StemShape& shape,
                           const at::TensorOptions& options) {
  const int64_t sum_elements = shape.window * shape.segment() * shape.outputs;
  const Tiling rows = rows_of(x, shape, parts_with_sums(sum_elements * options.dtype().itemsize()));
  const WeightSums sums(rows.parts(), shape.window * shape.segment(), shape.outputs, options);
  const int64_t width = shape.output_width();
  const int64_t most = std::min(at::divup(kSumPixels, width), rows.in_tile());
  const Tiles of_gradient(gradients, rows.in_tile() * width);
  const ElementType type = element_type(x, kName);
  const int64_t row_bytes = width * shape.outputs * x.element_size();
  const int64_t sum_bytes = shape.segment() * shape.outputs * options.dtype().itemsize();
  rows.parallel_parts([&](int64_t part) {
    PaddedRows from(x, shape, most);
    auto* const part_sums = static_cast<char*>(sums.of_part(part));
    rows.for_each_tile(part, [&](int64_t, int64_t first, int64_t tile_rows) {
      const auto* const dy = static_cast<const char*>(of_gradient.at(first * width, tile_rows * width));
      for (int64_t row = 0; row < tile_rows; row += most) {
        const int64_t count = std::min(most, tile_rows - row);
        const int64_t* const starts = from.starts(first + row, count);
        for (int64_t k = 0; k < shape.window; ++k) {
          pointwise_kernels().multiply_segments_transposed(type, from.data(), {starts + k * count, count, width, shape.step()},
                                                           dy + row * row_bytes, part_sums + k * sum_bytes,
                                                           shape.segment(), shape.outputs);
        }
      }
    });
  });
  return sums.summed_transposed({shape.outputs, shape.window, shape.window, shape.channels}).permute({0, 3, 1, 2});
}

ConvolutionGradients by_libtorch(const ResultGradient& grad, const at::Tensor& x, const at::Tensor& weight,
                                 const WindowSteps& steps, const WantedGradients& wanted) {
  const at::Tensor dy = grad.dy.defined() ? grad.dy : apply_deferred_gradient(grad.deferred);
  ConvolutionGradients gradients = libtorch_convolution_gradients(dy, x, weight.to(x.scalar_type()), steps, wanted);
  if (wanted.images) gradients.images = Images::channels_last(gradients.images);
  if (wanted.weight) gradients.weight = gradients.weight.to(weight.scalar_type());
  return gradients;
}

ConvolutionGradients backward(const ResultGradient& grad, const ConvolutionInput& input, const at::Tensor& weight,
                              const WindowSteps& steps, const WantedGradients& wanted) {
  const at::Tensor x = Images::channels_last(input.x);
  ConvolutionGradients gradients;
  if (wanted.weight) gradients.weight = weight_gradient(Images(grad), x, shape_of(x, weight, steps), weight.options());
  // Whatever is not finite of dy is in the weight's gradient, too.
  const bool is_own = wanted.weight && is_finite(gradients.weight);
  const WantedGradients others{wanted.images, wanted.weight && !is_own};
  if (!others.images && !others.weight) return gradients;
  const ConvolutionGradients theirs = by_libtorch(grad, x, weight, steps, others);
  gradients.images = theirs.images;
  if (others.weight) gradients.weight = theirs.weight;
  return gradients;
}

}  // namespace

const ConvolutionOperator stem = {kName, /*takes_sums_along=*/true, /*takes_bfloat16=*/true,
                                  /*gives_bias=*/false, forward, backward};

}  // namespace pea
