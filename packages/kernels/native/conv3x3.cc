#include "conv3x3.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "cpu_capability.h"

namespace pea {
namespace {

constexpr char kName[] = "conv3x3";
// Tiles that a thread works on at a time: few enough for its caches, and enough to reuse the weights.
constexpr int64_t kTiles = 96;
// Tasks that the gradient of the weights is cut into, where there are as many. They depend on the shape alone, so that
// sums do not depend on the number of threads.
constexpr int64_t kTasks = 8;

int64_t panels(int64_t channels) { return at::divup(channels, kPanel); }
int64_t panel_width(int64_t channels, int64_t panel) { return std::min(channels - panel * kPanel, kPanel); }

// Matrices of `rows` × `channels`, whose values are not set. A cache line between two frequencies keeps them out of each
// other's sets in the caches.
class Storage {
 public:
  Storage(int64_t rows, int64_t channels, const at::TensorOptions& options)
      : Storage(panels(channels), rows, kPanel, options) {}

  // With all channels of a row behind each other.
  static Storage of_whole_rows(int64_t rows, int64_t channels, const at::TensorOptions& options) {
    Storage storage(1, rows, panels(channels) * kPanel, options);
    storage.matrices_.panel_stride = kPanel;
    return storage;
  }

  const Matrices& matrices() const { return matrices_; }

 private:
  Storage(int64_t panels, int64_t rows, int64_t width, const at::TensorOptions& options) {
    const int64_t stride = panels * rows * width + 64 / static_cast<int64_t>(sizeof(float));
    memory_ = at::empty({kFrequencies * stride}, options);
    matrices_ = {memory_.data_ptr<float>(), stride, rows * width, width};
  }

  at::Tensor memory_;
  Matrices matrices_;
};

TileGrid tile_grid(const at::Tensor& x) { return {x.size(0), x.size(2), x.size(3)}; }

at::Tensor channels_last(const at::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

// Calls body(first channel) for each block of kChannelBlock channels, in parallel.
template <typename Body>
void parallel_channel_blocks(int64_t channels, const Body& body) {
  at::parallel_for(0, channels / kChannelBlock, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) body(block * kChannelBlock);
  });
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
  // As many blocks for each thread.
  const int64_t threads = at::get_num_threads();
  const int64_t blocks = at::divup(at::divup(grid.tiles(), kTiles), threads) * threads;
  const int64_t rows = at::divup(grid.tiles(), blocks);
  at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
    const Storage input = Storage::of_whole_rows(rows, inputs, x.options()), product(rows, outputs, x.options());
    const Matrices &v = input.matrices(), &m = product.matrices();
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

// Sums of the products over the tiles [from, to): the panels [first, last) of outputs, × inputs, of u.
void accumulate(const at::Tensor& dy, const at::Tensor& x, int64_t first, int64_t last, int64_t from, int64_t to,
                const Matrices& u) {
  const WinogradKernels& kernels = winograd_kernels();
  const int64_t outputs = dy.size(1), inputs = x.size(1), begin_output = first * kPanel;
  const int64_t own_outputs = std::min(last * kPanel, outputs) - begin_output;
  const TileGrid grid = tile_grid(x);
  const Storage input(kTiles, inputs, x.options()), gradient(kTiles, own_outputs, x.options());
  const Matrices &v = input.matrices(), &d = gradient.matrices();
  for (int64_t begin = from; begin < to; begin += kTiles) {
    const int64_t end = std::min(begin + kTiles, to);
    kernels.transform_input(x.data_ptr<float>(), grid, inputs, v, begin, end);
    kernels.transform_gradient(dy.data_ptr<float>() + begin_output, grid, outputs, own_outputs, d, begin, end);
    for (int64_t frequency = 0; frequency < kFrequencies; ++frequency) {
      for (int64_t output = first; output < last; ++output) {
        for (int64_t panel = 0; panel < panels(inputs); ++panel) {
          kernels.multiply_transposed(d.at(frequency, output - first, 0), v.at(frequency, panel, 0),
                                      u.at(frequency, panel, output * kPanel), panel_width(outputs, output),
                                      end - begin, panel_width(inputs, panel), /*add=*/begin > from);
        }
      }
    }
  }
}

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  TORCH_CHECK_TYPE(x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat, kName,
                   ": x and weight must be float32, not ", x.scalar_type(), " and ", weight.scalar_type());
  TORCH_CHECK_VALUE(x.dim() == 4 && weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3, kName,
                    ": x must be [N, C, H, W] and weight [K, C, 3, 3], not ", x.sizes(), " and ", weight.sizes());
  TORCH_CHECK_VALUE(x.size(1) == weight.size(1), kName, ": x has ", x.size(1), " channels and weight takes ",
                    weight.size(1));
  for (const int64_t channels : {weight.size(0), weight.size(1)}) {
    TORCH_CHECK_VALUE(channels > 0 && channels % kChannelBlock == 0, kName, ": channels must be a multiple of ",
                      kChannelBlock, ", not ", channels);
  }
  if (!bias.defined()) return;
  TORCH_CHECK_TYPE(bias.scalar_type() == at::kFloat, kName, ": bias must be float32, not ", bias.scalar_type());
  TORCH_CHECK_VALUE(bias.dim() == 1 && bias.size(0) == weight.size(0), kName, ": bias must be [", weight.size(0),
                    "], not ", bias.sizes());
}

}  // namespace

at::Tensor conv3x3_forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  check(x, weight, bias);
  const at::Tensor w = channels_last(weight), b = bias.defined() ? bias.contiguous() : at::Tensor();
  const int64_t outputs = w.size(0), inputs = w.size(1);
  const Storage u(inputs, outputs, w.options());
  parallel_channel_blocks(outputs, [&](int64_t output) {
    winograd_kernels().transform_weights(w.data_ptr<float>(), inputs, u.matrices(), output);
  });
  return multiply_tiles(channels_last(x), u.matrices(), outputs, b.defined() ? b.data_ptr<float>() : nullptr);
}

at::Tensor conv3x3_input_gradient(const at::Tensor& grad, const at::Tensor& weight) {
  const at::Tensor w = channels_last(weight);
  const int64_t outputs = w.size(0), inputs = w.size(1);
  const Storage u(outputs, inputs, w.options());
  parallel_channel_blocks(outputs, [&](int64_t output) {
    winograd_kernels().transform_weights_turned(w.data_ptr<float>(), inputs, u.matrices(), output);
  });
  return multiply_tiles(channels_last(grad), u.matrices(), inputs, nullptr);
}

at::Tensor conv3x3_weight_gradient(const at::Tensor& grad, const at::Tensor& x) {
  const at::Tensor dy = channels_last(grad), input = channels_last(x);
  const int64_t outputs = dy.size(1), inputs = x.size(1), tiles = tile_grid(x).tiles();
  const at::TensorOptions options = x.options().memory_format(at::MemoryFormat::ChannelsLast);
  if (tiles == 0) return at::zeros({outputs, inputs, 3, 3}, options);

  // A task is a panel of outputs and, where these are too few, a part of the tiles with sums of its own.
  const int64_t output_panels = panels(outputs);
  const int64_t part_tiles = at::divup(tiles, std::max<int64_t>(kTasks / output_panels, 1));
  const int64_t parts = at::divup(tiles, part_tiles);
  std::vector<Storage> sums;
  for (int64_t part = 0; part < parts; ++part) sums.emplace_back(outputs, inputs, x.options());
  at::parallel_for(0, parts * output_panels, 1, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t part = begin / output_panels, first = begin % output_panels;
      const int64_t last = std::min(output_panels, first + end - begin);
      accumulate(dy, input, first, last, part * part_tiles, std::min((part + 1) * part_tiles, tiles),
                 sums[part].matrices());
      begin += last - first;
    }
  });

  const at::Tensor dw = at::empty({outputs, inputs, 3, 3}, options);
  parallel_channel_blocks(outputs, [&](int64_t output) {
    for (int64_t part = 0; part < parts; ++part) {
      winograd_kernels().transform_weight_gradient(sums[part].matrices(), inputs, dw.data_ptr<float>(), output,
                                                   /*add=*/part > 0);
    }
  });
  return dw;
}

}  // namespace pea
