#include "conv3x1/conv3x1.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "batch_norm/gradient_on_store.h"
#include "batch_norm/moments.h"
#include "conv3x1/line_kernel.h"
#include "convolution/frequencies.h"
#include "convolution/images.h"

namespace pea {
namespace {

constexpr char kName[] = "conv3x1";
// Tiles that are multiplied at a time: few enough for a thread's caches, and enough to reuse the weights.
constexpr int64_t kMostTiles = 96;
// With sums of all products rounding errors are half as large again, and beyond twice those of libtorch.
constexpr FrequencyPlan kPlan{kLineFrequencies, 16};
// Tiles of the lines that a thread computes, if they are to be computed, at a time: neighbouring pixels of as many lines are
// computed in one call.
constexpr int64_t kSlabTiles = 192;

// Parts of a result that threads take, if there are so many slabs.
constexpr int64_t kMostParts = 64;

// Neighbouring lines.
struct Slab {
  int64_t first_pixel, lines;
};

// Images cut into lines along the window's axis: the rows of all of them, or the columns of each. Neighbouring lines are
// taken together; how many depends on the shape alone, so that sums do not depend on the number of threads.
class LineGrid {
 public:
  // Of images that have pixels.
  LineGrid(const at::Tensor& images, const at::Tensor& weight, int64_t dilation) {
    const int64_t height = images.size(2), width = images.size(3);
    are_rows_ = weight.size(3) == 3;
    groups_ = are_rows_ ? 1 : images.size(0);
    lines_ = are_rows_ ? images.size(0) * height : width;
    length_ = are_rows_ ? width : height;
    dilation_ = std::min(dilation, length_);  // beyond, both outer taps meet zeros alone
    const int64_t most = std::max<int64_t>(kSlabTiles / lines_of(1, 1).positions(), 1);
    slabs_of_group_ = at::divup(lines_, most);
    slab_lines_ = at::divup(lines_, slabs_of_group_);
    slabs_of_group_ = at::divup(lines_, slab_lines_);
  }

  int64_t slabs() const { return groups_ * slabs_of_group_; }
  int64_t slab_pixels() const { return slab_lines_ * length_; }
  // Rows of the matrices.
  int64_t most_tiles() const { return std::min(kMostTiles, lines_of(slab_lines_, 1).tiles()); }

  Slab slab(int64_t index) const {
    const int64_t group = index / slabs_of_group_, first = index % slabs_of_group_ * slab_lines_;
    return {group * lines_ * length_ + first * (are_rows_ ? length_ : 1), std::min(slab_lines_, lines_ - first)};
  }

  // Of a slab's lines where they lie in the images, or without what lies between them.
  Lines in_images(const Slab& slab, int64_t channels) const { return lines_of(slab.lines, channels, lines_); }
  Lines packed(const Slab& slab, int64_t channels) const { return lines_of(slab.lines, channels, slab.lines); }

  // Calls body(first pixel, first pixel when packed, pixels) for all parts of a slab that lie side by side in the images.
  template <typename Body>
  void for_each_span(const Slab& slab, const Body& body) const {
    if (are_rows_) return body(slab.first_pixel, int64_t{0}, slab.lines * length_);
    for (int64_t step = 0; step < length_; ++step) {
      body(slab.first_pixel + step * lines_, step * slab.lines, slab.lines);
    }
  }

 private:
  Lines lines_of(int64_t count, int64_t channels, int64_t columns = 1) const {
    if (are_rows_) return {count, length_, dilation_, length_ * channels, channels};
    return {count, length_, dilation_, channels, columns * channels};
  }

  bool are_rows_;
  int64_t groups_, lines_, length_, dilation_, slabs_of_group_, slab_lines_;
};

// Lines of images and where they lie.
struct LoadedLines {
  const float* data;
  Lines lines;
};

// The slabs of images, as they lie or computed into memory of each thread's own.
class LoadedSlabs {
 public:
  LoadedSlabs(const Images& images, const LineGrid& grid)
      : images_(images),
        grid_(grid),
        channels_(images.tensor().size(1)),
        computed_(images.are_computed()
                      ? at::empty({at::get_num_threads(), grid.slab_pixels() * channels_},
                                  images.tensor().options().memory_format(c10::nullopt))
                      : at::Tensor()) {}

  // Until this thread loads the next one.
  LoadedLines load(const Slab& slab) const {
    if (!images_.are_computed()) {
      return {images_.tensor().data_ptr<float>() + slab.first_pixel * channels_, grid_.in_images(slab, channels_)};
    }
    grid_.for_each_span(slab, [&](int64_t first, int64_t packed, int64_t pixels) {
      images_.compute({first * channels_, pixels * channels_}, memory() + packed * channels_);
    });
    return computed(slab);
  }

  // Where this thread's pixels go when someone else computes them, and these.
  float* memory() const { return computed_.data_ptr<float>() + at::get_thread_num() * computed_.size(1); }
  LoadedLines computed(const Slab& slab) const { return {memory(), grid_.packed(slab, channels_)}; }

 private:
  const Images& images_;
  const LineGrid& grid_;
  int64_t channels_;
  at::Tensor computed_;  // [threads, pixels · channels]
};

// Products of tiles and transformed weights.
class Products {
 public:
  Products(const LineGrid& grid, int64_t inputs, int64_t outputs, const at::TensorOptions& options)
      : inputs_(inputs),
        outputs_(outputs),
        v_(at::get_num_threads(), kLineFrequencies, grid.most_tiles(), inputs, options),
        m_(at::get_num_threads(), kLineFrequencies, grid.most_tiles(), outputs, options) {}

  // The convolution of some lines by the weights u, inputs × outputs, stored where the lines of the result lie.
  void convolve(const LoadedLines& from, const Matrices& u, const float* bias, float* to, const Lines& result) const {
    const LineKernels& kernels = line_kernels();
    const Matrices v = v_.by_rows(at::get_thread_num()), m = m_.by_panels(at::get_thread_num());
    const int64_t tiles = result.tiles();
    for (int64_t begin = 0; begin < tiles; begin += kMostTiles) {
      const int64_t end = std::min(begin + kMostTiles, tiles);
      kernels.transform_input(from.data, from.lines, inputs_, v, begin, end);
      multiply_frequencies(kPlan, v, u, m, end - begin, inputs_, outputs_);
      kernels.transform_output(m, bias, to, result, outputs_, begin, end);
    }
  }

 private:
  int64_t inputs_, outputs_;
  Scratch v_, m_;
};

// Sums over the pixels of each channel, part by part.
class BiasSums {
 public:
  BiasSums(int64_t parts, int64_t channels, int64_t pixels)
      : channels_(channels), pixels_(pixels), moments_(parts, channels, ElementType::kFloat32) {}

  void add(int64_t part, const LineGrid& grid, const Slab& slab, const LoadedLines& dy, bool is_packed) {
    grid.for_each_span(slab, [&](int64_t first, int64_t packed, int64_t pixels) {
      const int64_t pixel = is_packed ? packed : first - slab.first_pixel;
      moments_.add(part, dy.data + pixel * channels_, pixels);
    });
  }

  at::Tensor sum() const {
    const Doubles mean = moments_.pooled().mean;
    const at::Tensor sums = at::empty({channels_}, at::kFloat);
    for (int64_t c = 0; c < channels_; ++c) {
      sums.data_ptr<float>()[c] = static_cast<float>(mean[c] * static_cast<double>(pixels_));
    }
    return sums;
  }

 private:
  int64_t channels_, pixels_;
  GatheredMoments moments_;
};

void check(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t dilation) {
  const bool has_window = weight.dim() == 4 && weight.size(2) * weight.size(3) == 3;
  TORCH_CHECK_VALUE(x.dim() == 4 && has_window, kName,
                    ": x must be [N, C, H, W] and weight [K, C, 3, 1] or [K, C, 1, 3], not ", x.sizes(), " and ",
                    weight.sizes());
  check_operands(kName, x, weight, bias);
  TORCH_CHECK_VALUE(dilation > 0, kName, ": dilation must be above 0, not ", dilation);
}

at::Tensor empty_images(const at::Tensor& like, int64_t channels) {
  return at::empty({like.size(0), channels, like.size(2), like.size(3)},
                   like.options().memory_format(at::MemoryFormat::ChannelsLast));
}

at::Tensor forward(const ConvolutionInput& input, const at::Tensor& weight, const at::Tensor& bias, const WindowSteps& steps,
                   Moments* moments) {
  check(input.x, weight, bias, steps.dilation);
  const int64_t outputs = weight.size(0), inputs = weight.size(1);
  const at::Tensor b = bias.defined() ? bias.contiguous() : at::Tensor();
  const auto* const from_bias = b.defined() ? b.data_ptr<float>() : nullptr;
  const Images images(input);
  const at::Tensor y = empty_images(images.tensor(), outputs);
  if (y.numel() == 0) return y;
  const LineGrid grid(y, weight, steps.dilation);
  const Scratch weights =
      transformed_weights(weight, line_kernels().transform_weights, kLineFrequencies, inputs, outputs);
  auto* const to = y.data_ptr<float>();
  const Products products(grid, inputs, outputs, y.options());
  const LoadedSlabs loaded(images, grid);
  const int64_t part_slabs = at::divup(grid.slabs(), kMostParts), parts = at::divup(grid.slabs(), part_slabs);
  GatheredMoments gathered(parts, outputs, ElementType::kFloat32);
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin * part_slabs; index < std::min(end * part_slabs, grid.slabs()); ++index) {
      const Slab slab = grid.slab(index);
      products.convolve(loaded.load(slab), weights.by_panels(0), from_bias, to + slab.first_pixel * outputs,
                        grid.in_images(slab, outputs));
      if (moments == nullptr) continue;
      grid.for_each_span(slab, [&](int64_t first, int64_t, int64_t pixels) {
        gathered.add(index / part_slabs, to + first * outputs, pixels);
      });
    }
  });
  if (moments != nullptr) *moments = gathered.pooled();
  return y;
}

// Slab by slab. The input's gradient comes first: with that of the normalized values come the images that are computed,
// which the weights' gradient needs.
ConvolutionGradients backward(const ResultGradient& grad, const ConvolutionInput& input, const at::Tensor& weight,
                              const WindowSteps& steps, const WantedGradients& wanted) {
  const int64_t outputs = weight.size(0), inputs = weight.size(1);
  const LineKernels& kernels = line_kernels();
  const Images gradients(grad), images(input);
  const at::TensorOptions options = images.tensor().options();
  ConvolutionGradients result;
  if (wanted.images) result.images = empty_images(images.tensor(), inputs);
  if (wanted.weight) {
    result.weight = at::empty(weight.sizes(), weight.options().memory_format(at::MemoryFormat::ChannelsLast));
  }
  if (gradients.tensor().numel() == 0) {
    if (wanted.weight) result.weight.zero_();
    if (wanted.bias) result.bias = at::zeros({outputs}, weight.options().memory_format(c10::nullopt));
    if (wanted.normalized) result.sums = at::zeros({2, inputs}, at::kDouble);
    return result;
  }
  const LineGrid grid(images.tensor(), weight, steps.dilation);
  const WeightGradientSums sums(kPlan, grid.slabs(), kGradientTasks, outputs, inputs, options);
  c10::optional<Scratch> turned;
  if (wanted.images) {
    turned = transformed_weights(weight, kernels.transform_weights_turned, kLineFrequencies, outputs, inputs);
  }
  c10::optional<GradientOnStore> normalized;
  if (wanted.normalized) normalized.emplace(Images::deferred(input), sums.parts());
  c10::optional<BiasSums> bias;
  if (wanted.bias) bias.emplace(sums.parts(), outputs, gradients.tensor().numel() / outputs);
  const LoadedSlabs loaded_gradients(gradients, grid), loaded_images(images, grid);
  const Products products(grid, outputs, inputs, options);
  const int64_t threads = at::get_num_threads(), rows = grid.most_tiles();
  const Scratch transformed_images(threads, kLineFrequencies, rows, inputs, options);
  const Scratch transformed_gradients(threads, kLineFrequencies, rows, outputs, options);
  auto* const dx = wanted.images ? result.images.data_ptr<float>() : nullptr;

  const auto take_slab = [&](int64_t part, const Slab& slab, bool is_first) {
    const LoadedLines dy = loaded_gradients.load(slab);
    if (wanted.bias) bias->add(part, grid, slab, dy, gradients.are_computed());
    if (wanted.images) {
      products.convolve(dy, turned->by_panels(0), nullptr, dx + slab.first_pixel * inputs,
                        grid.in_images(slab, inputs));
    }
    if (wanted.normalized) {
      grid.for_each_span(slab, [&](int64_t first, int64_t packed, int64_t pixels) {
        normalized->apply(part, {first * inputs, pixels * inputs}, dx,
                          wanted.weight ? loaded_images.memory() + packed * inputs : nullptr);
      });
    }
    if (!wanted.weight) return;
    const LoadedLines x = wanted.normalized ? loaded_images.computed(slab) : loaded_images.load(slab);
    const Matrices v = transformed_images.by_panels(at::get_thread_num());
    const Matrices d = transformed_gradients.by_panels(at::get_thread_num());
    const int64_t tiles = x.lines.tiles();
    for (int64_t begin = 0; begin < tiles; begin += rows) {
      const int64_t end = std::min(begin + rows, tiles);
      kernels.transform_input(x.data, x.lines, inputs, v, begin, end);
      kernels.transform_gradient(dy.data, dy.lines, outputs, d, begin, end);
      sums.accumulate({0, panels(outputs)}, d, v, sums.of_part(part), end - begin, /*add=*/!is_first || begin > 0);
    }
  };
  at::parallel_for(0, sums.parts(), 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      const Range slabs = sums.tiles(part);
      for (int64_t index = slabs.begin; index < slabs.end; ++index) {
        take_slab(part, grid.slab(index), index == slabs.begin);
      }
    }
  });
  if (wanted.bias) result.bias = bias->sum();
  if (wanted.weight) sums.sum(kernels.transform_weight_gradient, result.weight.data_ptr<float>());
  if (wanted.normalized) result.sums = normalized->sums();
  return result;
}

}  // namespace

const ConvolutionOperator conv3x1 = {kName, /*takes_sums_along=*/true, /*takes_bfloat16=*/false,
                                     /*gives_bias=*/true, forward, backward};

}  // namespace pea
