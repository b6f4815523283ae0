#include "conv3x3/conv3x3.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "batch_norm/batch_norm_act.h"
#include "batch_norm/channel_partition.h"
#include "batch_norm/gradient_on_store.h"
#include "conv3x3/tile_product.h"
#include "convolution/frequencies.h"
#include "convolution/images.h"

namespace pea {
namespace {

constexpr char kName[] = "conv3x3";

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride) {
  TORCH_CHECK_VALUE(x.dim() == 4 && weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3, kName,
                    ": x must be [N, C, H, W] and weight [K, C, 3, 3], not ", x.sizes(), " and ", weight.sizes());
  check_operands(kName, x, weight, bias);
  TORCH_CHECK_VALUE(stride == 1, kName, ": stride must be 1, not ", stride);
}

// Tiles overlap: what is deferred is computed as a whole, and not kept.
at::Tensor images_of(const ConvolutionInput& input) {
  return input.normalization.defined() ? apply_deferred(Images::deferred(input)) : Images::channels_last(input.x);
}

at::Tensor forward(const ConvolutionInput& input, const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps,
                   Moments*) {
  check(input.x, weight, bias, steps.stride);
  const at::Tensor b = bias.defined() ? bias.contiguous() : at::Tensor();
  return multiply_tiles(images_of(input), weight, /*turned=*/false, b.defined() ? b.data_ptr<float>() : nullptr);
}

struct Normalized {
  at::Tensor sums, images;
};

// Makes the gradient of the images that of the normalized values, in place; the images themselves come along where they are
// wanted.
Normalized normalize_gradient(const at::Tensor& gradient, const ConvolutionInput& input, bool wants_images) {
  const at::Tensor images = wants_images ? at::empty_like(gradient) : at::Tensor();
  auto* const to = wants_images ? static_cast<char*>(images.data_ptr()) : nullptr;
  const ChannelPartition partition(gradient);
  GradientOnStore normalized(Images::deferred(input), partition.parts());
  at::parallel_for(0, partition.parts(), 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      for (int64_t index = 0; index < partition.spans(); ++index) {
        const Span span = partition.span(part, index);
        normalized.apply(part, span, gradient.data_ptr(),
                         to == nullptr ? nullptr : to + span.first * gradient.element_size());
      }
    }
  });
  return {normalized.sums(), images};
}

ConvolutionGradients backward(const ResultGradient& grad, const ConvolutionInput& input, const at::Tensor& weight,
                              const WindowSteps&, const WantedGradients& wanted) {
  const at::Tensor dy = Images::channels_last(grad.dy);
  ConvolutionGradients gradients;
  if (wanted.images) gradients.images = multiply_tiles(dy, weight, /*turned=*/true, nullptr);
  Normalized normalized;
  if (wanted.normalized) normalized = normalize_gradient(gradients.images, input, wanted.weight);
  gradients.sums = normalized.sums;
  if (!wanted.weight) return gradients;
  const at::Tensor images = wanted.normalized ? normalized.images : images_of(input);
  gradients.weight = multiply_tile_gradients(dy, images);
  return gradients;
}

}  // namespace

const ConvolutionOperator conv3x3 = {kName, /*takes_sums_along=*/false, /*takes_bfloat16=*/false,
                                     /*gives_bias=*/false, forward, backward};

}  // namespace pea
