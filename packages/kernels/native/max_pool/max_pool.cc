#include "max_pool/max_pool.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "max_pool/max_pool_kernel.h"
#include "tensor/dtype.h"

namespace pea {
namespace {

constexpr char kName[] = "max_pool2d";
// Elements below which another thread costs more than it saves.
constexpr int64_t kGrain = 16384;

PoolPair to_pair(at::IntArrayRef values, const char* what) {
  TORCH_CHECK_VALUE(values.size() == 1 || values.size() == 2, kName, ": ", what, " must be one number or two, not ",
                    values);
  return {values.front(), values.back()};
}

void check_least(const PoolPair& pair, int64_t least, const char* what) {
  TORCH_CHECK_VALUE(std::min(pair[0], pair[1]) >= least, kName, ": ", what, " must be at least ", least, ", not ",
                    at::IntArrayRef(pair));
}

PoolAxis pool_axis(int64_t input, const MaxPoolWindow& window, size_t axis) {
  const int64_t size = window.size[axis], stride = window.stride[axis], padding = window.padding[axis],
                dilation = window.dilation[axis];
  const int64_t room = input + 2 * padding - dilation * (size - 1) - 1;
  TORCH_CHECK_VALUE(input > 0 && room >= 0, kName, ": an input of height or width ", input,
                    " is too small for the window");
  return {input, room / stride + 1, size, stride, padding, dilation};
}

MaxPoolShape pool_shape(at::IntArrayRef sizes, at::MemoryFormat format, const MaxPoolWindow& window) {
  return {pool_axis(sizes[2], window, 0), pool_axis(sizes[3], window, 1),
          format == at::MemoryFormat::ChannelsLast ? sizes[1] : 1};
}

// Calls body(map, row) for `rows` rows of each of the maps that [N, C, …] consists of, in parallel.
template <typename Body>
void parallel_rows(at::IntArrayRef sizes, const MaxPoolShape& shape, int64_t rows, int64_t row_elements,
                   const Body& body) {
  const int64_t maps = sizes[0] * sizes[1] / shape.depth;
  at::parallel_for(0, maps * rows, std::max<int64_t>(kGrain / row_elements, 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i / rows, i % rows);
  });
}

}  // namespace

MaxPoolWindow max_pool_window(at::IntArrayRef size, at::IntArrayRef stride, at::IntArrayRef padding,
                              at::IntArrayRef dilation) {
  const MaxPoolWindow window{to_pair(size, "kernel_size"), to_pair(stride.empty() ? size : stride, "stride"),
                             to_pair(padding, "padding"), to_pair(dilation, "dilation")};
  check_least(window.size, 1, "kernel_size");
  check_least(window.stride, 1, "stride");
  check_least(window.padding, 0, "padding");
  check_least(window.dilation, 1, "dilation");
  for (const size_t axis : {0, 1}) {
    TORCH_CHECK_VALUE(window.padding[axis] <= window.size[axis] / 2, kName, ": padding must be at most half of ",
                      "kernel_size, got ", at::IntArrayRef(window.padding), " and ", at::IntArrayRef(window.size));
  }
  TORCH_CHECK_VALUE(window.size[0] * window.size[1] <= 256, kName, ": windows have at most 256 elements, not ",
                    at::IntArrayRef(window.size));
  return window;
}

MaxPoolOutput max_pool_forward(const at::Tensor& x, const MaxPoolWindow& window, bool with_positions) {
  TORCH_CHECK_VALUE(x.dim() == 4 && x.size(1) > 0, kName, ": x must be [N, channels, H, W], not ", x.sizes());
  const ElementType type = element_type(x, kName);
  const at::MemoryFormat format = x.suggest_memory_format();
  const at::Tensor input = x.contiguous(format);
  const MaxPoolShape shape = pool_shape(x.sizes(), format, window);
  const at::TensorOptions options = x.options().memory_format(format);
  const std::array<int64_t, 4> sizes = {x.size(0), x.size(1), shape.rows.output, shape.columns.output};
  const at::Tensor y = at::empty(sizes, options);
  const at::Tensor positions = with_positions ? at::empty(sizes, options.dtype(at::kByte)) : at::Tensor();
  if (y.numel() == 0) return {y, positions};

  const int64_t map_in = shape.rows.input * shape.columns.input * shape.depth;
  const int64_t row_out = shape.columns.output * shape.depth, map_out = shape.rows.output * row_out;
  const auto* const from = static_cast<const char*>(input.data_ptr());
  auto* const to = static_cast<char*>(y.data_ptr());
  auto* const at = with_positions ? positions.data_ptr<uint8_t>() : nullptr;
  const auto bytes = static_cast<int64_t>(x.element_size());
  parallel_rows(sizes, shape, shape.rows.output, row_out, [&](int64_t map, int64_t row) {
    max_pool_kernels().forward(type, from + map * map_in * bytes, to + map * map_out * bytes,
                               at == nullptr ? nullptr : at + map * map_out, row, shape);
  });
  return {y, positions};
}

at::Tensor max_pool_backward(const at::Tensor& grad, const at::Tensor& positions, at::IntArrayRef sizes,
                             at::MemoryFormat format, const MaxPoolWindow& window) {
  const ElementType type = element_type(grad, kName);
  const at::Tensor gradient = grad.contiguous(format);
  const MaxPoolShape shape = pool_shape(sizes, format, window);
  const at::Tensor dx = at::empty(sizes, grad.options().memory_format(format));
  if (dx.numel() == 0) return dx;

  const int64_t row_in = shape.columns.input * shape.depth, map_in = shape.rows.input * row_in;
  const int64_t map_out = shape.rows.output * shape.columns.output * shape.depth;
  const auto* const from = static_cast<const char*>(gradient.data_ptr());
  const auto* const at = positions.data_ptr<uint8_t>();
  auto* const to = static_cast<char*>(dx.data_ptr());
  const auto bytes = static_cast<int64_t>(grad.element_size());
  parallel_rows(sizes, shape, shape.rows.input, row_in, [&](int64_t map, int64_t row) {
    max_pool_kernels().backward(type, from + map * map_out * bytes, at + map * map_out, to + map * map_in * bytes, row,
                                shape);
  });
  return dx;
}

}  // namespace pea
