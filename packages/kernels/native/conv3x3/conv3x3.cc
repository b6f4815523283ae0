#include "conv3x3/conv3x3.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "batch_norm/batch_norm_act.h"
#include "batch_norm/channel_partition.h"
#include "batch_norm/gradient_on_store.h"
#include "conv3x3/winograd_kernel.h"
#include "convolution/frequencies.h"
#include "convolution/images.h"

namespace pea {
namespace {

constexpr char kName[] = "conv3x3";
// Tiles that a thread works on at a time: few enough for its caches, and enough to reuse the weights.
constexpr int64_t kMostTiles = 96, kLeastTiles = 8;
// High tiles take fewer multiplications, and round more. Errors are to be at most twice those of libtorch: they are from so
// many products on that are summed over channels, and in the weights' gradient, which rounds more, over pixels.
constexpr int64_t kLeastHighChannels = 64, kLeastHighPixels = 12288;

TileGrid tile_grid(const at::Tensor& x, bool may_be_high) {
  const auto grid = [&](int64_t tile_rows) { return TileGrid{x.size(0), x.size(2), x.size(3), tile_rows}; };
  const TileGrid low = grid(kLowTile), high = grid(kHighTile);
  return may_be_high && high.tiles() * high.frequencies() < low.tiles() * low.frequencies() ? high : low;
}

// For the result, and for the gradient of the images. One sum of all products would double the errors; more than four sums
// hardly make them smaller.
FrequencyPlan plan_of(const TileGrid& grid, int64_t channels) {
  return {grid.frequencies(), std::max<int64_t>(at::divup(channels, 4), 16)};
}

// Low tiles serve where pixels are few, and libtorch's errors small.
FrequencyPlan gradient_plan(const TileGrid& grid) { return {grid.frequencies(), grid.tile_rows == kLowTile ? 16 : 32}; }

// x, in channels_last, convolved with the weights [K, C, 3, 3], or, turned, the gradient of x for that of a result.
at::Tensor multiply_tiles(const at::Tensor& x, const at::Tensor& weight, bool turned, const float* bias) {
  const int64_t inputs = x.size(1), outputs = weight.size(turned ? 1 : 0);
  const TileGrid grid = tile_grid(x, inputs >= kLeastHighChannels);
  const FrequencyPlan plan = plan_of(grid, inputs);
  const TileKernels& kernels = winograd_kernels().of(grid);
  const at::Tensor y =
      at::empty({x.size(0), outputs, x.size(2), x.size(3)}, x.options().memory_format(at::MemoryFormat::ChannelsLast));
  if (grid.tiles() == 0) return y;
  const Scratch weights = transformed_weights(weight, turned ? kernels.transform_weights_turned : kernels.transform_weights,
                                              plan.frequencies, inputs, outputs);
  const Matrices u = weights.by_panels(0);
  const auto* const from = x.data_ptr<float>();
  auto* const to = y.data_ptr<float>();
  // The same number of blocks for every thread, where there are enough tiles for all.
  const int64_t threads = at::get_num_threads();
  const int64_t blocks = std::min(at::divup(at::divup(grid.tiles(), kMostTiles), threads) * threads,
                                  at::divup(grid.tiles(), kLeastTiles));
  const int64_t rows = at::divup(grid.tiles(), blocks);
  const Scratch input(threads, plan.frequencies, rows, inputs, x.options());
  const Scratch product(threads, plan.frequencies, rows, outputs, x.options());
  at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
    const Matrices v = input.by_rows(at::get_thread_num()), m = product.by_panels(at::get_thread_num());
    for (int64_t begin = first * rows; begin < std::min(last * rows, grid.tiles()); begin += rows) {
      const int64_t end = std::min(begin + rows, grid.tiles());
      kernels.transform_input(from, grid, inputs, v, begin, end);
      multiply_frequencies(plan, v, u, m, end - begin, inputs, outputs);
      kernels.transform_output(m, bias, to, grid, outputs, begin, end);
    }
  });
  return y;
}

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

at::Tensor weight_gradient(const at::Tensor& grad, const at::Tensor& x) {
  const at::Tensor dy = Images::channels_last(grad);
  const int64_t outputs = dy.size(1), inputs = x.size(1), pixels = x.numel() / inputs;
  const TileGrid grid = tile_grid(x, pixels >= kLeastHighPixels);
  const FrequencyPlan plan = gradient_plan(grid);
  const int64_t tiles = grid.tiles();
  const at::TensorOptions options = x.options();
  const at::Tensor dw = at::empty({outputs, inputs, 3, 3}, options.memory_format(at::MemoryFormat::ChannelsLast));
  if (tiles == 0) return dw.zero_();

  const TileKernels& kernels = winograd_kernels().of(grid);
  const auto *const from_x = x.data_ptr<float>(), *const from_dy = dy.data_ptr<float>();
  const int64_t threads = at::get_num_threads();
  // A task is a panel of outputs and a part of the tiles.
  const int64_t output_panels = panels(outputs);
  const WeightGradientSums sums(plan, tiles, at::divup(kGradientTasks, output_panels), outputs, inputs, options);
  const Scratch transformed(threads, plan.frequencies, kMostTiles, inputs, options);
  const Scratch gradients(threads, plan.frequencies, kMostTiles, outputs, options);
  at::parallel_for(0, sums.parts() * output_panels, 1, [&](int64_t task, int64_t last_task) {
    const Matrices v = transformed.by_panels(at::get_thread_num()), d = gradients.by_panels(at::get_thread_num());
    while (task < last_task) {
      const int64_t part = task / output_panels, first_panel = task % output_panels;
      const Range own{first_panel, std::min(output_panels, first_panel + last_task - task)};
      const int64_t first_output = own.begin * kPanel, own_outputs = std::min(own.end * kPanel, outputs) - first_output;
      const Range of = sums.tiles(part);
      for (int64_t begin = of.begin; begin < of.end; begin += kMostTiles) {
        const int64_t end = std::min(begin + kMostTiles, of.end);
        kernels.transform_input(from_x, grid, inputs, v, begin, end);
        kernels.transform_gradient(from_dy + first_output, grid, outputs, own_outputs, d, begin, end);
        sums.accumulate(own, d, v, sums.of_part(part), end - begin, /*add=*/begin > of.begin);
      }
      task += own.size();
    }
  });
  sums.sum(kernels.transform_weight_gradient, dw.data_ptr<float>());
  return dw;
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
  ConvolutionGradients gradients;
  if (wanted.images) gradients.images = multiply_tiles(Images::channels_last(grad.dy), weight, /*turned=*/true, nullptr);
  Normalized normalized;
  if (wanted.normalized) normalized = normalize_gradient(gradients.images, input, wanted.weight);
  gradients.sums = normalized.sums;
  if (!wanted.weight) return gradients;
  gradients.weight = weight_gradient(grad.dy, wanted.normalized ? normalized.images : images_of(input));
  return gradients;
}

}  // namespace

const ConvolutionOperator conv3x3 = {kName, /*takes_sums_along=*/false, /*takes_bfloat16=*/false,
                                     /*gives_bias=*/false, forward, backward};

}  // namespace pea
