#include "conv3x3/conv3x3.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "batch_norm/batch_norm_act.h"
#include "batch_norm/channel_partition.h"
#include "batch_norm/gradient_on_store.h"
#include "conv3x3/winograd_kernel.h"
#include "convolution/images.h"

namespace pea {
namespace {

constexpr char kName[] = "conv3x3";
// Tiles that a thread works on at a time: few enough for its caches, and enough to reuse the weights.
constexpr int64_t kMostTiles = 96, kLeastTiles = 24;
// Tasks that the gradient of the weights is cut into, if their sums take no more bytes than that. They depend on the
// shape alone, so that the sums do not depend on the number of threads.
constexpr int64_t kTasks = 8, kSumBytes = 16 << 20;

struct Range {
  int64_t begin, end;

  int64_t size() const { return end - begin; }
};

int64_t panels(int64_t channels) { return at::divup(channels, kPanel); }
int64_t panel_width(int64_t channels, int64_t panel) { return std::min(channels - panel * kPanel, kPanel); }

// Several `Matrices` of one size, whose values are not set. A cache line between two frequencies keeps them out of each
// other's sets in the caches.
class Scratch {
 public:
  Scratch(int64_t count, int64_t rows, int64_t channels, const at::TensorOptions& options)
      : rows_(rows),
        panels_(panels(channels)),
        frequency_stride_(panels_ * rows * kPanel + 64 / static_cast<int64_t>(sizeof(float))),
        memory_(at::empty({count, kFrequencies * frequency_stride_}, options)),
        data_(memory_.data_ptr<float>()) {}

  // With the panels of all rows one after another.
  Matrices by_panels(int64_t index) const { return {start(index), frequency_stride_, rows_ * kPanel, kPanel}; }

  // With the panels of each row one after another.
  Matrices by_rows(int64_t index) const { return {start(index), frequency_stride_, kPanel, panels_ * kPanel}; }

 private:
  float* start(int64_t index) const { return data_ + index * kFrequencies * frequency_stride_; }

  int64_t rows_, panels_, frequency_stride_;
  at::Tensor memory_;
  float* data_;
};

TileGrid tile_grid(const at::Tensor& x) { return {x.size(0), x.size(2), x.size(3)}; }

// Calls body(first channel) for each block of kChannelBlock channels, in parallel.
template <typename Body>
void parallel_channel_blocks(int64_t channels, const Body& body) {
  at::parallel_for(0, channels / kChannelBlock, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) body(block * kChannelBlock);
  });
}

// The weights [K, C, 3, 3] for each frequency, rows × columns, by one of the two transforms.
Scratch transformed_weights(const at::Tensor& weight, decltype(WinogradKernels::transform_weights) transform,
                            int64_t rows, int64_t columns) {
  const at::Tensor w = Images::channels_last(weight);
  const auto* const from = w.data_ptr<float>();
  const Scratch scratch(1, rows, columns, w.options());
  const Matrices u = scratch.by_panels(0);
  parallel_channel_blocks(w.size(0), [&](int64_t output) { transform(from, w.size(1), u, output); });
  return scratch;
}

// x, in channels_last, times the transformed weights u, inputs × outputs.
at::Tensor multiply_tiles(const at::Tensor& x, const Matrices& u, int64_t outputs, const float* bias) {
  const WinogradKernels& kernels = winograd_kernels();
  const int64_t inputs = x.size(1);
  const TileGrid grid = tile_grid(x);
  const at::Tensor y =
      at::empty({x.size(0), outputs, x.size(2), x.size(3)}, x.options().memory_format(at::MemoryFormat::ChannelsLast));
  if (grid.tiles() == 0) return y;
  const auto* const from = x.data_ptr<float>();
  auto* const to = y.data_ptr<float>();
  // The same number of blocks for every thread, where there are enough tiles for all.
  const int64_t threads = at::get_num_threads();
  const int64_t blocks = std::min(at::divup(at::divup(grid.tiles(), kMostTiles), threads) * threads,
                                  at::divup(grid.tiles(), kLeastTiles));
  const int64_t rows = at::divup(grid.tiles(), blocks);
  const Scratch input(threads, rows, inputs, x.options()), product(threads, rows, outputs, x.options());
  at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
    const Matrices v = input.by_rows(at::get_thread_num()), m = product.by_panels(at::get_thread_num());
    for (int64_t begin = first * rows; begin < std::min(last * rows, grid.tiles()); begin += rows) {
      const int64_t end = std::min(begin + rows, grid.tiles());
      kernels.transform_input(from, grid, inputs, v, begin, end);
      for (int64_t frequency = 0; frequency < kFrequencies; ++frequency) {
        for (int64_t panel = 0; panel < panels(outputs); ++panel) {
          kernels.multiply(v.at(frequency, 0, 0), v.row_stride, u.at(frequency, panel, 0), m.at(frequency, panel, 0),
                           end - begin, inputs, panel_width(outputs, panel));
        }
      }
      kernels.transform_output(m, bias, to, grid, outputs, begin, end);
    }
  });
  return y;
}

// What the gradient of the weights is computed of, in channels_last.
struct WeightGradient {
  const float* x;
  const float* dy;
  TileGrid grid;
  int64_t inputs, outputs;

  // Sums the products over `tiles` into some panels of the rows of u, outputs × inputs. v and d are scratch.
  void accumulate(const Range& output_panels, const Range& tiles, const Matrices& v, const Matrices& d,
                  const Matrices& u) const {
    const WinogradKernels& kernels = winograd_kernels();
    const int64_t first_output = output_panels.begin * kPanel;
    const int64_t own_outputs = std::min(output_panels.end * kPanel, outputs) - first_output;
    for (int64_t begin = tiles.begin; begin < tiles.end; begin += kMostTiles) {
      const int64_t end = std::min(begin + kMostTiles, tiles.end);
      kernels.transform_input(x, grid, inputs, v, begin, end);
      kernels.transform_gradient(dy + first_output, grid, outputs, own_outputs, d, begin, end);
      for (int64_t frequency = 0; frequency < kFrequencies; ++frequency) {
        for (int64_t panel = output_panels.begin; panel < output_panels.end; ++panel) {
          for (int64_t input_panel = 0; input_panel < panels(inputs); ++input_panel) {
            kernels.multiply_transposed(d.at(frequency, panel - output_panels.begin, 0), v.at(frequency, input_panel, 0),
                                        u.at(frequency, input_panel, panel * kPanel), panel_width(outputs, panel),
                                        end - begin, panel_width(inputs, input_panel), /*add=*/begin > tiles.begin);
          }
        }
      }
    }
  }
};

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride) {
  TORCH_CHECK_TYPE(x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat, kName,
                   ": x and weight must be float32, not ", x.scalar_type(), " and ", weight.scalar_type());
  TORCH_CHECK_VALUE(x.dim() == 4 && weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3, kName,
                    ": x must be [N, C, H, W] and weight [K, C, 3, 3], not ", x.sizes(), " and ", weight.sizes());
  TORCH_CHECK_VALUE(x.size(2) > 0 && x.size(3) > 0, kName, ": images must have pixels, not ", x.sizes());
  TORCH_CHECK_VALUE(x.size(1) == weight.size(1), kName, ": x has ", x.size(1), " channels and weight takes ",
                    weight.size(1));
  for (const int64_t channels : {weight.size(0), weight.size(1)}) {
    TORCH_CHECK_VALUE(channels > 0 && channels % kChannelBlock == 0, kName, ": channels must be a multiple of ",
                      kChannelBlock, ", not ", channels);
  }
  TORCH_CHECK_VALUE(stride == 1, kName, ": stride must be 1, not ", stride);
  if (!bias.defined()) return;
  TORCH_CHECK_TYPE(bias.scalar_type() == at::kFloat, kName, ": bias must be float32, not ", bias.scalar_type());
  TORCH_CHECK_VALUE(bias.dim() == 1 && bias.size(0) == weight.size(0), kName, ": bias must be [", weight.size(0),
                    "], not ", bias.sizes());
}

// Tiles overlap: what is deferred is computed as a whole, and not kept.
at::Tensor images_of(const ConvolutionInput& input) {
  return input.normalization.defined() ? apply_deferred(Images::deferred(input)) : Images::channels_last(input.x);
}

at::Tensor forward(const ConvolutionInput& input, const at::Tensor& weight, const at::Tensor& bias, int64_t stride,
                   Moments*) {
  check(input.x, weight, bias, stride);
  const int64_t outputs = weight.size(0), inputs = weight.size(1);
  const at::Tensor b = bias.defined() ? bias.contiguous() : at::Tensor();
  const Scratch u = transformed_weights(weight, winograd_kernels().transform_weights, inputs, outputs);
  return multiply_tiles(images_of(input), u.by_panels(0), outputs, b.defined() ? b.data_ptr<float>() : nullptr);
}

at::Tensor input_gradient(const at::Tensor& grad, const at::Tensor& weight) {
  const int64_t outputs = weight.size(0), inputs = weight.size(1);
  const Scratch u = transformed_weights(weight, winograd_kernels().transform_weights_turned, outputs, inputs);
  return multiply_tiles(Images::channels_last(grad), u.by_panels(0), inputs, nullptr);
}

at::Tensor weight_gradient(const at::Tensor& grad, const at::Tensor& x) {
  const at::Tensor dy = Images::channels_last(grad);
  const int64_t outputs = dy.size(1), inputs = x.size(1), tiles = tile_grid(x).tiles();
  const at::TensorOptions options = x.options();
  const at::Tensor dw = at::empty({outputs, inputs, 3, 3}, options.memory_format(at::MemoryFormat::ChannelsLast));
  if (tiles == 0) return dw.zero_();

  // A task is a panel of outputs and a part of the tiles, each part with sums of its own.
  const int64_t output_panels = panels(outputs);
  const int64_t bytes = kFrequencies * static_cast<int64_t>(sizeof(float)) * outputs * inputs;
  const int64_t wanted = std::min(at::divup(kTasks, output_panels), std::max<int64_t>(kSumBytes / bytes, 1));
  const int64_t part_tiles = at::divup(tiles, wanted), parts = at::divup(tiles, part_tiles);
  const int64_t threads = at::get_num_threads();
  const Scratch sums(parts, outputs, inputs, options);
  const Scratch transformed(threads, kMostTiles, inputs, options), gradients(threads, kMostTiles, outputs, options);
  const WeightGradient gradient{x.data_ptr<float>(), dy.data_ptr<float>(), tile_grid(x), inputs, outputs};
  at::parallel_for(0, parts * output_panels, 1, [&](int64_t begin, int64_t end) {
    const Matrices v = transformed.by_panels(at::get_thread_num()), d = gradients.by_panels(at::get_thread_num());
    while (begin < end) {
      const int64_t part = begin / output_panels, first = begin % output_panels;
      const Range own{first, std::min(output_panels, first + end - begin)};
      gradient.accumulate(own, {part * part_tiles, std::min((part + 1) * part_tiles, tiles)}, v, d,
                          sums.by_panels(part));
      begin += own.size();
    }
  });

  auto* const to = dw.data_ptr<float>();
  parallel_channel_blocks(outputs, [&](int64_t output) {
    for (int64_t part = 0; part < parts; ++part) {
      winograd_kernels().transform_weight_gradient(sums.by_panels(part), inputs, to, output, /*add=*/part > 0);
    }
  });
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
                              int64_t, const WantedGradients& wanted) {
  ConvolutionGradients gradients;
  if (wanted.images) gradients.images = input_gradient(grad.dy, weight);
  Normalized normalized;
  if (wanted.normalized) normalized = normalize_gradient(gradients.images, input, wanted.weight);
  gradients.sums = normalized.sums;
  if (!wanted.weight) return gradients;
  gradients.weight = weight_gradient(grad.dy, wanted.normalized ? normalized.images : images_of(input));
  return gradients;
}

}  // namespace

const ConvolutionOperator conv3x3 = {kName, /*takes_sums_along=*/false, /*takes_bfloat16=*/false, forward, backward};

}  // namespace pea
