#include "convolution/libtorch_convolution.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

namespace pea {
namespace {

// Images with whatever zeros libtorch does not put around them itself, and the padding that it does.
struct Padded {
  at::Tensor images;
  std::array<int64_t, 2> padding;
};

Padded padded(const at::Tensor& images, const at::Tensor& weight, const WindowSteps& steps) {
  const auto is_centred = [&](int64_t axis, int64_t before) {
    return weight.size(axis) % 2 == 1 && before == weight.size(axis) / 2 * steps.dilation;
  };
  if (is_centred(2, steps.top) && is_centred(3, steps.left)) return {images, {steps.top, steps.left}};
  const auto behind = [&](int64_t axis, int64_t before) {
    const int64_t size = images.size(axis), last = (size - 1) / steps.stride * steps.stride - before;
    return std::max<int64_t>(last + weight.size(axis) - size, 0);
  };
  return {at::constant_pad_nd(images, {steps.left, behind(3, steps.left), steps.top, behind(2, steps.top)}), {0, 0}};
}

int64_t groups_of(const at::Tensor& images, const at::Tensor& weight) { return images.size(1) / weight.size(1); }

}  // namespace

at::Tensor libtorch_convolution(const at::Tensor& images, const at::Tensor& weight, const at::Tensor& bias,
                                const WindowSteps& steps) {
  const Padded from = padded(images, weight, steps);
  return at::conv2d(from.images, weight, bias, steps.stride, from.padding, steps.dilation, groups_of(images, weight));
}

ConvolutionGradients libtorch_convolution_gradients(const at::Tensor& dy, const at::Tensor& images,
                                                    const at::Tensor& weight, const WindowSteps& steps,
                                                    const WantedGradients& wanted) {
  const Padded from = padded(images, weight, steps);
  const std::array<int64_t, 2> strides{steps.stride, steps.stride}, dilations{steps.dilation, steps.dilation};
  auto [dx, dw, unused] = at::convolution_backward(
      dy, from.images, weight, /*bias_sizes=*/c10::nullopt, strides, from.padding, dilations, /*transposed=*/false,
      /*output_padding=*/{0, 0}, groups_of(images, weight), {wanted.images, wanted.weight, false});
  if (wanted.images && from.images.sizes() != images.sizes()) {
    dx = dx.narrow(2, steps.top, images.size(2)).narrow(3, steps.left, images.size(3));
  }
  return {dx, dw, at::Tensor()};
}

}  // namespace pea
