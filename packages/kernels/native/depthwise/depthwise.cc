#include "depthwise/depthwise.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "batch_norm/gradient_on_store.h"
#include "convolution/check_dtypes.h"
#include "convolution/tiles.h"
#include "convolution/weight_sums.h"
#include "depthwise/depthwise_kernel.h"
#include "tensor/dtype.h"

namespace pea {
namespace {

constexpr char kName[] = "depthwise";

template <int64_t kTaps, typename F>
void put_taps_first(const F* from, int64_t channels, F* to) {
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t tap = 0; tap < kTaps; ++tap) to[tap * channels + c] = from[c * kTaps + tap];
  }
}

// [C, 1, k, k] to [k, k, C].
at::Tensor taps_first(const at::Tensor& weight) {
  const int64_t channels = weight.size(0), window = weight.size(2);
  const at::Tensor from = weight.contiguous(), taps = at::empty({window, window, channels}, weight.options());
  AT_DISPATCH_FLOATING_TYPES(weight.scalar_type(), kName, [&] {
    const auto put = window == 3 ? put_taps_first<9, scalar_t> : put_taps_first<25, scalar_t>;
    put(from.data_ptr<scalar_t>(), channels, taps.data_ptr<scalar_t>());
  });
  return taps;
}

DepthwiseShape shape_of(const at::Tensor& x, const at::Tensor& weight, const WindowSteps& steps) {
  return {x.size(2), x.size(3), x.size(1), weight.size(2), steps.stride, steps.top, steps.left};
}

// Images in channels_last, row by row.
class Rows {
 public:
  explicit Rows(const at::Tensor& images)
      : data_(static_cast<char*>(images.data_ptr())),
        height_(images.size(2)),
        row_bytes_(images.size(3) * images.size(1) * images.element_size()) {}

  // Null outside of the image.
  void* at(int64_t image, int64_t row) const {
    return row >= 0 && row < height_ ? counted(image * height_ + row) : nullptr;
  }

  // A row counted over all images.
  void* counted(int64_t row) const { return data_ + row * row_bytes_; }

 private:
  char* data_;
  int64_t height_, row_bytes_;
};

// So many elements are computed at a time that the call counts for little and the caches hold them.
constexpr int64_t kStripElements = 4096;

int64_t strip_rows_of(int64_t row_elements) { return std::max<int64_t>(kStripElements / row_elements, 1); }

// The rows of images, as they lie or, where they are to be computed, computed when the first of their strip is asked
// for. Each thread has its own.
class LoadedRows {
 public:
  LoadedRows(const Images& images, const DepthwiseShape& shape)
      : LoadedRows(images, shape, strip_rows_of(images.tensor().size(3) * images.tensor().size(1))) {}
  LoadedRows(const Images& images, const DepthwiseShape& shape, int64_t strip_rows)
      : shape_(shape),
        rows_(images.tensor()),
        images_(images),
        height_(images.tensor().size(2)),
        row_elements_(images.tensor().size(3) * images.tensor().size(1)),
        row_bytes_(row_elements_ * images.tensor().element_size()),
        strip_rows_(strip_rows),
        strips_(1 + 2 * at::divup(shape.window / 2, strip_rows)),
        memory_(images.are_computed() ? strips_ * strip_rows_ * row_bytes_ : 0),
        held_(strips_, -1) {}

  // The rows that an output row is computed of.
  DepthwiseRows window(int64_t image, int64_t output_row) {
    DepthwiseRows rows{};
    for (int64_t k = 0; k < shape_.window; ++k) rows.of[k] = at(image, output_row * shape_.stride + k - shape_.top);
    return rows;
  }

  // The rows of a result, of which these are the gradients, that a row of x contributed to.
  DepthwiseRows reached(int64_t image, int64_t row) {
    DepthwiseRows rows{};
    int64_t stepped = (row + shape_.top) / shape_.stride;
    for (int64_t k = row + shape_.top - stepped * shape_.stride; k < shape_.window; k += shape_.stride) {
      rows.of[k] = at(image, stepped--);
    }
    return rows;
  }

  // Null outside of the image.
  const void* at(int64_t image, int64_t row) {
    const void* const plain = rows_.at(image, row);
    if (plain == nullptr || !images_.are_computed()) return plain;
    const int64_t strip = row / strip_rows_, index = image * at::divup(height_, strip_rows_) + strip;
    char* const kept = memory_.data() + index % strips_ * strip_rows_ * row_bytes_;
    if (held_[index % strips_] != index) {
      const int64_t first = strip * strip_rows_, rows = std::min(strip_rows_, height_ - first);
      images_.compute({(image * height_ + first) * row_elements_, rows * row_elements_}, kept);
      held_[index % strips_] = index;
    }
    return kept + row % strip_rows_ * row_bytes_;
  }

 private:
  DepthwiseShape shape_;
  Rows rows_;
  const Images& images_;
  int64_t height_, row_elements_, row_bytes_, strip_rows_;
  int64_t strips_;  // that are kept: one, and those around it which its windows reach
  std::vector<char> memory_;
  std::vector<int64_t> held_;
};

// The rows of all images' results, in parts.
class OutputRows {
 public:
  OutputRows(int64_t images, const DepthwiseShape& shape)
      : height_(shape.output_height()), rows_(images * height_) {
    const int64_t elements = rows_ * shape.output_width() * shape.channels;
    part_rows_ = std::max<int64_t>(at::divup(rows_, std::clamp<int64_t>(elements / kPartElements, 1, kMostParts)), 1);
  }

  int64_t parts() const { return at::divup(rows_, part_rows_); }

  // Calls body(part, first row, row behind the last one) for all parts, in parallel. Rows are counted over all images.
  // Each thread begins with its last part: where 1×1 convolutions stand before and after, they end there, and the last
  // cache still holds what they left.
  template <typename Body>
  void parallel(const Body& body) const {
    at::parallel_for(0, parts(), 1, [&](int64_t first, int64_t last) {
      for (int64_t part = last - 1; part >= first; --part) {
        body(part, part * part_rows_, std::min((part + 1) * part_rows_, rows_));
      }
    });
  }

  // Calls body(image, row of the image) for rows [first, last), and after each strip of rows stored(first, last).
  template <typename Body, typename Stored>
  void for_each_row(int64_t first, int64_t last, int64_t row_elements, const Body& body, const Stored& stored) const {
    int64_t begin = first;
    for (int64_t row = first; row < last; ++row) {
      body(row / height_, row % height_);
      if ((row + 1 - begin) * row_elements < kStripElements && row + 1 < last) continue;
      stored(begin, row + 1);
      begin = row + 1;
    }
  }

  // Calls body(image, first row of the image, row behind the last one) for strips of rows [first, last), each of them
  // within one of the strips that the image's rows are cut into.
  template <typename Body>
  void for_each_strip(int64_t first, int64_t last, int64_t strip_rows, const Body& body) const {
    while (first < last) {
      const int64_t image = first / height_, row = first % height_;
      const int64_t end = std::min({(row / strip_rows + 1) * strip_rows, height_, row + last - first});
      body(image, row, end);
      first += end - row;
    }
  }

 private:
  int64_t height_, rows_, part_rows_;
};

bool is_padding(int64_t before, int64_t window, int64_t stride) {
  return before == window / 2 || (stride == 2 && before == window / 2 - 1);
}

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps) {
  check_dtypes(x, weight, bias, kName);
  const int64_t window = weight.dim() == 4 && weight.size(2) == 5 ? 5 : 3, stride = steps.stride;
  TORCH_CHECK_VALUE(x.dim() == 4 && weight.sizes() == at::IntArrayRef({x.size(1), 1, window, window}), kName,
                    ": x must be [N, C, H, W] and weight [C, 1, 3, 3] or [C, 1, 5, 5], not ", x.sizes(), " and ",
                    weight.sizes());
  TORCH_CHECK_VALUE(x.size(2) > 0 && x.size(3) > 0, kName, ": images must have pixels, not ", x.sizes());
  TORCH_CHECK_VALUE(x.size(1) > 0 && x.size(1) % kDepthwiseChannels == 0, kName, ": channels must be a multiple of ",
                    kDepthwiseChannels, ", not ", x.size(1));
  TORCH_CHECK_VALUE(stride == 1 || stride == 2, kName, ": stride must be 1 or 2, not ", stride);
  TORCH_CHECK_VALUE(is_padding(steps.top, window, stride) && is_padding(steps.left, window, stride), kName,
                    ": the padding before must be ", window / 2, stride == 2 ? " or one less" : "", ", not [",
                    steps.top, ", ", steps.left, "]");
  if (!bias.defined()) return;
  TORCH_CHECK_VALUE(bias.dim() == 1 && bias.size(0) == x.size(1), kName, ": bias must be [", x.size(1), "], not ",
                    bias.sizes());
}

at::Tensor forward(const ConvolutionInput& input, const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps,
                   Moments* moments) {
  const at::Tensor& x = input.x;
  check(x, weight, bias, steps);
  const at::Tensor w = taps_first(weight), b = bias.defined() ? bias.contiguous() : at::Tensor();
  const DepthwiseShape shape = shape_of(x, weight, steps);
  const at::Tensor y = at::empty({x.size(0), x.size(1), shape.output_height(), shape.output_width()},
                                 x.options().memory_format(at::MemoryFormat::ChannelsLast));
  const ElementType type = element_type(x, kName);
  const Rows to(y);
  const void* const taps = w.data_ptr();
  const void* const offset = b.defined() ? b.data_ptr() : nullptr;
  const Images images(input);
  const OutputRows rows(x.size(0), shape);
  const int64_t row_pixels = shape.output_width();
  GatheredMoments gathered(rows.parts(), shape.channels, type);
  rows.parallel([&](int64_t part, int64_t first, int64_t last) {
    LoadedRows from(images, shape);
    rows.for_each_row(
        first, last, row_pixels * shape.channels,
        [&](int64_t image, int64_t row) {
          depthwise_kernels().forward(type, shape, from.window(image, row), taps, offset, to.at(image, row));
        },
        [&](int64_t begin, int64_t end) {
          if (moments != nullptr) gathered.add(part, to.counted(begin), (end - begin) * row_pixels);
        });
  });
  if (moments != nullptr) *moments = gathered.pooled();
  return y;
}

ConvolutionGradients backward(const ResultGradient& grad, const ConvolutionInput& input, const at::Tensor& weight,
                              const WindowSteps& steps, const WantedGradients& wanted) {
  const at::Tensor& x = input.x;
  const at::Tensor w = taps_first(weight);
  const int64_t channels = x.size(1), stride = steps.stride;
  const DepthwiseShape shape = shape_of(x, weight, steps);
  const OutputRows rows(x.size(0), shape);
  const Images images(input), gradients(grad);
  const at::Tensor dx = wanted.images ? at::empty_like(images.tensor()) : at::Tensor();
  c10::optional<WeightSums> sums;
  if (wanted.weight) sums.emplace(rows.parts(), shape.window * shape.window, channels, weight.options());
  c10::optional<GradientOnStore> normalized;
  if (wanted.normalized) normalized.emplace(Images::deferred(input), rows.parts());

  const ElementType type = element_type(x, kName);
  const void* const taps = w.data_ptr();
  const int64_t row_elements = shape.width * channels, row_bytes = row_elements * x.element_size();
  const int64_t strip_rows = strip_rows_of(row_elements * stride);
  rows.parallel([&](int64_t part, int64_t first, int64_t last) {
    LoadedRows from(images, shape), of_gradient(gradients, shape, strip_rows);
    std::vector<char> activated(normalized && wanted.weight ? strip_rows * stride * row_bytes : 0);
    void* const part_sums = sums ? sums->of_part(part) : nullptr;
    rows.for_each_strip(first, last, strip_rows, [&](int64_t image, int64_t begin, int64_t end) {
      // The rows of x beside these: about the middles of their windows.
      const int64_t own_begin = begin * stride, own_end = std::min(end * stride, shape.height);
      if (wanted.images) {
        const Rows to(dx);
        for (int64_t own = own_begin; own < own_end; ++own) {
          depthwise_kernels().input_gradient(type, shape, of_gradient.reached(image, own), taps,
                                             to.at(image, own));
        }
      }
      if (normalized) {
        const Span span{(image * shape.height + own_begin) * row_elements, (own_end - own_begin) * row_elements};
        normalized->apply(part, span, dx.data_ptr(), wanted.weight ? activated.data() : nullptr);
      }
      if (!wanted.weight) return;
      for (int64_t own = own_begin; own < own_end; ++own) {
        const void* const row = normalized ? activated.data() + (own - own_begin) * row_bytes : from.at(image, own);
        depthwise_kernels().weight_gradient(type, shape, of_gradient.reached(image, own), row, part_sums);
      }
    });
  });
  ConvolutionGradients result{dx, at::Tensor(), normalized ? normalized->sums() : at::Tensor()};
  if (sums) result.weight = sums->summed_transposed(weight.sizes());
  return result;
}

}  // namespace

const ConvolutionOperator depthwise = {kName, /*takes_sums_along=*/true, /*takes_bfloat16=*/true,
                                       /*gives_bias=*/false, forward, backward};

}  // namespace pea
