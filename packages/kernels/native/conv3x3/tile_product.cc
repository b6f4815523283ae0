#include "conv3x3/tile_product.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "conv3x3/winograd_kernel.h"
#include "convolution/frequencies.h"
#include "convolution/images.h"

namespace pea {
namespace {

// Tiles that a thread works on at a time: few enough for its caches, and enough to reuse the weights.
constexpr int64_t kMostTiles = 96, kLeastTiles = 8;
// Tiles of all images that are few, and the bytes that they may take in the weights' gradient to be so.
constexpr int64_t kFewTiles = 256, kFewBytes = 16 << 20;
// Larger tiles take fewer multiplications, and round more. Errors are to be at most twice those of libtorch: they are from so
// many products on that are summed over channels, and in the weights' gradient, which rounds more, over pixels, and over rows
// of them, within which libtorch rounds less.
constexpr int64_t kLeastHighChannels = 64, kLeastHighPixels = 12288, kLeastLowRows = 84;

TileGrid grid_of(const at::Tensor& x, const TileShape& tile) { return {x.size(0), x.size(2), x.size(3), tile}; }

TileGrid low_or_high(const at::Tensor& x, bool may_be_high) {
  const TileGrid low = grid_of(x, kLowTile), high = grid_of(x, kHighTile);
  return may_be_high && high.tiles() * high.frequencies() < low.tiles() * low.frequencies() ? high : low;
}

class TileProduct {
 public:
  TileProduct(const at::Tensor& x, const at::Tensor& weight, bool turned, const float* bias, float* y)
      : grid_(low_or_high(x, x.size(1) >= kLeastHighChannels)),
        kernels_(winograd_kernels().of(grid_.tile)),
        inputs_(x.size(1)),
        outputs_(weight.size(turned ? 1 : 0)),
        // One sum of all products would double the errors; more than four sums hardly make them smaller.
        plan_{grid_.frequencies(), std::max<int64_t>(at::divup(inputs_, 4), 16)},
        turned_(turned),
        x_(x.data_ptr<float>()),
        weight_(Images::channels_last(weight)),
        bias_(bias),
        y_(y),
        options_(x.options().memory_format(c10::nullopt)) {}

  void multiply() const {
    if (grid_.tiles() == 0) return;
    // Panels are shared among threads as evenly as tiles are.
    if (grid_.tiles() <= kFewTiles && panels(outputs_) % at::get_num_threads() == 0) multiply_by_panels();
    else multiply_by_tiles();
  }

 private:
  // All tiles by one panel of the weights after another, which the caches hold from its transform to its products.
  void multiply_by_panels() const {
    const int64_t tiles = grid_.tiles(), threads = at::get_num_threads();
    const Scratch input(1, plan_.frequencies, tiles, inputs_, options_);
    const Scratch weights(threads, plan_.frequencies, inputs_, kPanel, options_);
    const Scratch product(threads, plan_.frequencies, tiles, kPanel, options_);
    const Matrices v = input.by_rows(0);
    at::parallel_for(0, tiles, kLeastTiles, [&](int64_t begin, int64_t end) {
      kernels_.transform_input(x_, grid_, inputs_, v.from_row(begin), begin, end);
    });
    at::parallel_for(0, panels(outputs_), 1, [&](int64_t begin, int64_t end) {
      const Matrices u = weights.by_panels(at::get_thread_num()), m = product.by_panels(at::get_thread_num());
      for (int64_t panel = begin; panel < end; ++panel) {
        const int64_t first = panel * kPanel, width = panel_width(outputs_, panel);
        transform_panel(panel, u);
        multiply_frequencies(plan_, v, u, m, tiles, inputs_, width);
        kernels_.transform_output(m, bias_ == nullptr ? nullptr : bias_ + first, y_ + first, grid_, outputs_, width, 0,
                                  tiles);
      }
    });
  }

  void transform_panel(int64_t panel, const Matrices& u) const {
    const auto* const weight = weight_.data_ptr<float>();
    const int64_t first = panel * kPanel, width = panel_width(outputs_, panel);
    if (turned_) {
      for (int64_t input = 0; input < inputs_; input += kChannelBlock) {
        kernels_.transform_weights_turned(weight + first, outputs_, width, u, input);
      }
    } else {
      for (int64_t output = 0; output < width; output += kChannelBlock) {
        kernels_.transform_weights(weight + first * 9 * inputs_, inputs_, inputs_, u, output);
      }
    }
  }

  // Blocks of tiles, each by all weights.
  void multiply_by_tiles() const {
    const Scratch weights =
        transformed_weights(weight_, turned_ ? kernels_.transform_weights_turned : kernels_.transform_weights,
                            plan_.frequencies, inputs_, outputs_);
    const Matrices u = weights.by_panels(0);
    // The same number of blocks for every thread, where there are enough tiles for all.
    const int64_t tiles = grid_.tiles(), threads = at::get_num_threads();
    const int64_t blocks =
        std::min(at::divup(at::divup(tiles, kMostTiles), threads) * threads, at::divup(tiles, kLeastTiles));
    const int64_t rows = at::divup(tiles, blocks);
    const Scratch input(threads, plan_.frequencies, rows, inputs_, options_);
    const Scratch product(threads, plan_.frequencies, rows, outputs_, options_);
    at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
      const Matrices v = input.by_rows(at::get_thread_num()), m = product.by_panels(at::get_thread_num());
      for (int64_t begin = first * rows; begin < std::min(last * rows, tiles); begin += rows) {
        const int64_t end = std::min(begin + rows, tiles);
        kernels_.transform_input(x_, grid_, inputs_, v, begin, end);
        multiply_frequencies(plan_, v, u, m, end - begin, inputs_, outputs_);
        kernels_.transform_output(m, bias_, y_, grid_, outputs_, outputs_, begin, end);
      }
    });
  }

  TileGrid grid_;
  const TileKernels& kernels_;
  int64_t inputs_, outputs_;
  FrequencyPlan plan_;
  bool turned_;
  const float* x_;
  at::Tensor weight_;
  const float* bias_;
  float* y_;
  at::TensorOptions options_;
};

// The gradient of the weights: a product of the tiles of dy and of those of x.
class TileGradient {
 public:
  TileGradient(const at::Tensor& dy, const at::Tensor& x, float* dw)
      : inputs_(x.size(1)),
        outputs_(dy.size(1)),
        grid_(grid(x)),
        kernels_(winograd_kernels().of(grid_.tile)),
        plan_{grid_.frequencies(), grid_.tile.rows == kHighTile.rows ? 32 : 16},
        dy_(dy.data_ptr<float>()),
        x_(x.data_ptr<float>()),
        dw_(dw),
        options_(x.options().memory_format(c10::nullopt)) {}

  void multiply() const {
    const int64_t bytes = grid_.tiles() * plan_.frequencies * (inputs_ + outputs_) * static_cast<int64_t>(sizeof(float));
    const int64_t pairs = panels(outputs_) * panels(inputs_);
    if (grid_.tiles() <= kFewTiles && bytes <= kFewBytes && pairs >= kGradientTasks) multiply_by_panels();
    else multiply_by_tiles();
  }

 private:
  static TileGrid grid(const at::Tensor& x) {
    const int64_t rows = x.size(0) * x.size(2);
    return rows < kLeastLowRows ? grid_of(x, kSmallTile) : low_or_high(x, rows * x.size(3) >= kLeastHighPixels);
  }

  // All tiles for one panel of the outputs and one of the inputs after another: the caches hold the sums until these are
  // transformed.
  void multiply_by_panels() const {
    const int64_t tiles = grid_.tiles();
    const Scratch transformed(1, plan_.frequencies, tiles, inputs_, options_);
    const Scratch gradients(1, plan_.frequencies, tiles, outputs_, options_);
    const Scratch sums(at::get_num_threads(), plan_.frequencies, kPanel, kPanel, options_);
    const Matrices v = transformed.by_panels(0), d = gradients.by_panels(0);
    at::parallel_for(0, tiles, kLeastTiles, [&](int64_t begin, int64_t end) {
      kernels_.transform_input(x_, grid_, inputs_, v.from_row(begin), begin, end);
      kernels_.transform_gradient(dy_, grid_, outputs_, outputs_, d.from_row(begin), begin, end);
    });
    const int64_t input_panels = panels(inputs_);
    at::parallel_for(0, panels(outputs_) * input_panels, 1, [&](int64_t begin, int64_t end) {
      const Matrices u = sums.by_panels(at::get_thread_num());
      for (int64_t pair = begin; pair < end; ++pair) multiply_panels(d, pair / input_panels, v, pair % input_panels, u);
    });
  }

  void multiply_panels(const Matrices& d, int64_t output_panel, const Matrices& v, int64_t input_panel,
                       const Matrices& u) const {
    const int64_t width = panel_width(outputs_, output_panel), inputs = panel_width(inputs_, input_panel);
    for (int64_t frequency = 0; frequency < plan_.frequencies; ++frequency) {
      frequency_kernels().multiply_transposed(d.at(frequency, output_panel, 0), v.at(frequency, input_panel, 0),
                                              u.at(frequency, 0, 0), width, grid_.tiles(), inputs, plan_.terms,
                                              /*add=*/false);
    }
    float* const dw = dw_ + output_panel * kPanel * 9 * inputs_ + input_panel * kPanel;
    for (int64_t output = 0; output < width; output += kChannelBlock) {
      kernels_.transform_weight_gradient(u, inputs_, inputs, dw, output, /*add=*/false);
    }
  }

  // Blocks of tiles, in parts whose sums are added up at the end. A task is a part and a panel of the outputs.
  void multiply_by_tiles() const {
    const int64_t threads = at::get_num_threads(), output_panels = panels(outputs_);
    const WeightGradientSums sums(plan_, grid_.tiles(), at::divup(kGradientTasks, output_panels), outputs_, inputs_,
                                  options_);
    const Scratch transformed(threads, plan_.frequencies, kMostTiles, inputs_, options_);
    const Scratch gradients(threads, plan_.frequencies, kMostTiles, outputs_, options_);
    at::parallel_for(0, sums.parts() * output_panels, 1, [&](int64_t task, int64_t last_task) {
      const Matrices v = transformed.by_panels(at::get_thread_num()), d = gradients.by_panels(at::get_thread_num());
      while (task < last_task) {
        const int64_t part = task / output_panels, first_panel = task % output_panels;
        const Range own{first_panel, std::min(output_panels, first_panel + last_task - task)};
        const int64_t first_output = own.begin * kPanel, own_outputs = std::min(own.end * kPanel, outputs_) - first_output;
        const Range of = sums.tiles(part);
        for (int64_t begin = of.begin; begin < of.end; begin += kMostTiles) {
          const int64_t end = std::min(begin + kMostTiles, of.end);
          kernels_.transform_input(x_, grid_, inputs_, v, begin, end);
          kernels_.transform_gradient(dy_ + first_output, grid_, outputs_, own_outputs, d, begin, end);
          sums.accumulate(own, d, v, sums.of_part(part), end - begin, /*add=*/begin > of.begin);
        }
        task += own.size();
      }
    });
    sums.sum(kernels_.transform_weight_gradient, dw_);
  }

  int64_t inputs_, outputs_;
  TileGrid grid_;
  const TileKernels& kernels_;
  FrequencyPlan plan_;
  const float *dy_, *x_;
  float* dw_;
  at::TensorOptions options_;
};

}  // namespace

at::Tensor multiply_tiles(const at::Tensor& x, const at::Tensor& weight, bool turned, const float* bias) {
  const at::Tensor y = at::empty({x.size(0), weight.size(turned ? 1 : 0), x.size(2), x.size(3)},
                                 x.options().memory_format(at::MemoryFormat::ChannelsLast));
  TileProduct(x, weight, turned, bias, y.data_ptr<float>()).multiply();
  return y;
}

at::Tensor multiply_tile_gradients(const at::Tensor& dy, const at::Tensor& x) {
  const at::Tensor dw =
      at::empty({dy.size(1), x.size(1), 3, 3}, x.options().memory_format(at::MemoryFormat::ChannelsLast));
  if (x.numel() == 0) return dw.zero_();
  TileGradient(dy, x, dw.data_ptr<float>()).multiply();
  return dw;
}

}  // namespace pea
