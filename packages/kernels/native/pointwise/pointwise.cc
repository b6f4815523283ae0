#include "pointwise/pointwise.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "batch_norm/gradient_on_store.h"
#include "convolution/check_dtypes.h"
#include "convolution/tiles.h"
#include "convolution/weight_sums.h"
#include "pointwise/pointwise_kernel.h"
#include "tensor/dtype.h"

namespace pea {
namespace {

constexpr char kName[] = "pointwise";
constexpr int64_t kLeastTilePixels = 24;

struct Channels {
  int64_t inputs, outputs;

  int64_t most() const { return std::max(inputs, outputs); }
};

// A matrix [depth, columns] as pointwise_kernel.h has it, for images like x.
at::Tensor packed(const at::Tensor& matrix, const at::Tensor& x) {
  const at::Tensor panels = at::empty({matrix.numel()}, x.options().memory_format(c10::nullopt));
  pointwise_kernels().pack(element_type(x, kName), matrix.data_ptr(), matrix.size(0), matrix.size(1),
                           matrix.stride(0), matrix.stride(1), panels.data_ptr());
  return panels;
}

// [K, C]
at::Tensor matrix_of(const at::Tensor& weight) { return weight.reshape({weight.size(0), weight.size(1)}); }

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride) {
  check_dtypes(x, weight, bias, kName);
  TORCH_CHECK_VALUE(x.dim() == 4 && weight.dim() == 4 && weight.size(2) == 1 && weight.size(3) == 1, kName,
                    ": x must be [N, C, H, W] and weight [K, C, 1, 1], not ", x.sizes(), " and ", weight.sizes());
  TORCH_CHECK_VALUE(x.size(2) > 0 && x.size(3) > 0, kName, ": images must have pixels, not ", x.sizes());
  TORCH_CHECK_VALUE(x.size(1) == weight.size(1), kName, ": x has ", x.size(1), " channels and weight takes ",
                    weight.size(1));
  for (const int64_t channels : {weight.size(0), weight.size(1)}) {
    TORCH_CHECK_VALUE(channels > 0 && channels % kPointwiseChannels == 0, kName, ": channels must be a multiple of ",
                      kPointwiseChannels, ", not ", channels);
  }
  TORCH_CHECK_VALUE(stride == 1, kName, ": stride must be 1, not ", stride);
  if (!bias.defined()) return;
  TORCH_CHECK_VALUE(bias.dim() == 1 && bias.size(0) == weight.size(0), kName, ": bias must be [", weight.size(0),
                    "], not ", bias.sizes());
}

int64_t pixels_of(const at::Tensor& x) { return x.size(0) * x.size(2) * x.size(3); }

at::Tensor forward(const ConvolutionInput& input, const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps,
                   Moments* moments) {
  const at::Tensor& x = input.x;
  check(x, weight, bias, steps.stride);
  const Channels channels{weight.size(1), weight.size(0)};
  const at::Tensor panels = packed(matrix_of(weight).t(), x), b = bias.defined() ? bias.contiguous() : at::Tensor();
  const at::Tensor y = at::empty({x.size(0), channels.outputs, x.size(2), x.size(3)},
                                 x.options().memory_format(at::MemoryFormat::ChannelsLast));
  const Tiling pixels(pixels_of(x), channels.most(), kLeastTilePixels);
  const Images images(input);
  const Tiles from(images, pixels.in_tile());
  const Matrix to(y, channels.outputs);
  const ElementType type = element_type(x, kName);
  const void* const factors = panels.data_ptr();
  const void* const offset = b.defined() ? b.data_ptr() : nullptr;
  GatheredMoments gathered(pixels.parts(), channels.outputs, type);
  pixels.parallel([&](int64_t part, int64_t first, int64_t count) {
    pointwise_kernels().multiply(type, from.at(first, count), factors, offset, to.row(first), count, channels.inputs,
                                 channels.outputs);
    if (moments != nullptr) gathered.add(part, to.row(first), count);
  });
  if (moments != nullptr) *moments = gathered.pooled();
  return y;
}

ConvolutionGradients backward(const ResultGradient& grad, const ConvolutionInput& input, const at::Tensor& weight,
                              const WindowSteps&, const WantedGradients& wanted) {
  const at::Tensor& x = input.x;
  const Channels channels{weight.size(1), weight.size(0)};
  const int64_t sum_bytes = weight.numel() * weight.element_size();
  const Tiling pixels(pixels_of(x), channels.most(), kLeastTilePixels,
                      parts_with_sums(sum_bytes));
  const Images images(input), gradients(grad);
  const at::Tensor panels = packed(matrix_of(weight), x);
  const at::Tensor dx = wanted.images ? at::empty_like(images.tensor()) : at::Tensor();
  c10::optional<WeightSums> sums;
  if (wanted.weight) sums.emplace(pixels.parts(), channels.inputs, channels.outputs, weight.options());
  c10::optional<GradientOnStore> normalized;
  if (wanted.normalized) normalized.emplace(Images::deferred(input), pixels.parts());

  const Tiles from(images, pixels.in_tile()), of_gradient(gradients, pixels.in_tile());
  const ElementType type = element_type(x, kName);
  const void* const factors = panels.data_ptr();
  pixels.parallel([&](int64_t part, int64_t first, int64_t count) {
    const void* const dy = of_gradient.at(first, count);
    if (wanted.images) {
      pointwise_kernels().multiply(type, dy, factors, nullptr, Matrix(dx, channels.inputs).row(first), count,
                                   channels.outputs, channels.inputs);
      if (normalized) {
        normalized->apply(part, {first * channels.inputs, count * channels.inputs}, dx.data_ptr(),
                          wanted.weight ? from.memory() : nullptr);
      }
    }
    if (wanted.weight) {
      pointwise_kernels().multiply_transposed(type, normalized ? from.memory() : from.at(first, count), dy,
                                              sums->of_part(part), channels.inputs, count,
                                              channels.outputs);
    }
  });
  ConvolutionGradients result{dx, at::Tensor(), normalized ? normalized->sums() : at::Tensor()};
  if (sums) result.weight = sums->summed_transposed(weight.sizes());
  return result;
}

}  // namespace

const ConvolutionOperator pointwise = {kName, /*takes_sums_along=*/true, /*takes_bfloat16=*/true,
                                       /*gives_bias=*/false, forward, backward};

}  // namespace pea
