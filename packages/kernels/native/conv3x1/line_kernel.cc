#include "conv3x1/line_kernel.h"

#include "convolution/minimal_filtering.h"
#include "simd/elements.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Calls body(row of the matrices, first output in the line, first line, behind the last one) for runs of tiles [begin, end)
// that lie side by side.
template <typename Body>
inline void for_each_run(const Lines& lines, int64_t begin, int64_t end, const Body& body) {
  const int64_t longer = lines.length % lines.dilation, pixels = lines.length / lines.dilation;
  const int64_t in_longer = longer * Lines::tiles_of(pixels + 1);
  for (int64_t tile = begin; tile < end;) {
    const int64_t position = tile / lines.count, line = tile % lines.count;
    const bool is_longer = position < in_longer;
    const int64_t tiles = Lines::tiles_of(is_longer ? pixels + 1 : pixels), at = position - (is_longer ? 0 : in_longer);
    const int64_t residue = at / tiles + (is_longer ? 0 : longer);
    const int64_t count = smaller(lines.count - line, end - tile);
    body(tile - begin, residue + at % tiles * kTileOutputs * lines.dilation, line, line + count);
    tile += count;
  }
}

// Transforms kSide pixels, the first of them `margin` before the tile's first output.
template <int kSide, Transform<kSide, 6> kLine>
inline void transform_pixels(const float* x, int64_t margin, const Lines& lines, int64_t channels, const Matrices& to,
                             int64_t begin, int64_t end) {
  for_each_run(lines, begin, end, [&](int64_t row, int64_t first, int64_t first_line, int64_t last_line) {
    const float* pixels[kSide];
    int64_t line_strides[kSide], panel_strides[kSide];
    for (int64_t j = 0; j < kSide; ++j) {
      const int64_t pixel = first + (j - margin) * lines.dilation;
      const bool inside = pixel >= 0 && pixel < lines.length;
      pixels[j] = inside ? x + pixel * lines.step_stride + first_line * lines.line_stride : kZeros;
      line_strides[j] = inside ? lines.line_stride : 0;
      panel_strides[j] = inside ? kPanel : 0;
    }
    for (int64_t line = first_line; line < last_line; ++line, ++row) {
      for (int64_t panel = 0; panel * kPanel < channels; ++panel) {
        const float* from[kSide];
#pragma GCC unroll 6
        for (int64_t j = 0; j < kSide; ++j) from[j] = pixels[j] + panel * panel_strides[j];
        float* const out = to.at(0, panel, row);
        const int64_t width = smaller(channels - panel * kPanel, kPanel);
        for (int64_t c = 0; c < width; c += kFloatLanes) {
          Floats values[kSide], frequencies[6];
#pragma GCC unroll 6
          for (int64_t j = 0; j < kSide; ++j) values[j] = load<Floats>(from[j] + c);
          kLine(values, frequencies);
          store_frequencies(frequencies, out + c, to.frequency_stride);
        }
      }
#pragma GCC unroll 6
      for (int64_t j = 0; j < kSide; ++j) pixels[j] += line_strides[j];
    }
  });
}

void transform_input(const float* x, const Lines& lines, int64_t channels, const Matrices& to, int64_t begin,
                     int64_t end) {
  transform_pixels<6, FourOutputs::input>(x, /*margin=*/1, lines, channels, to, begin, end);
}

void transform_gradient(const float* dy, const Lines& lines, int64_t channels, const Matrices& to, int64_t begin,
                        int64_t end) {
  transform_pixels<4, FourOutputs::gradient>(dy, /*margin=*/0, lines, channels, to, begin, end);
}

void transform_output(const Matrices& m, const float* bias, float* y, const Lines& lines, int64_t channels,
                      int64_t begin, int64_t end) {
  for_each_run(lines, begin, end, [&](int64_t row, int64_t first, int64_t first_line, int64_t last_line) {
    const int64_t step = lines.dilation * lines.step_stride;
    const int64_t inside = smaller((lines.length - first + lines.dilation - 1) / lines.dilation, kTileOutputs);
    for (int64_t line = first_line; line < last_line; ++line, ++row) {
      float* const pixel = y + first * lines.step_stride + line * lines.line_stride;
      for (int64_t c = 0; c < channels; c += kFloatLanes) {
        Floats frequencies[6], outputs[kTileOutputs];
        load_frequencies(m.at(0, 0, row) + column_offset(m, c), m.frequency_stride, frequencies);
        FourOutputs::output(frequencies, outputs);
        const Floats offset = bias == nullptr ? Floats{} : load<Floats>(bias + c);
#pragma GCC unroll 4
        for (int64_t i = 0; i < kTileOutputs; ++i) {
          if (i == inside) break;
          store(outputs[i] + offset, pixel + i * step + c);
        }
      }
    }
  });
}

}  // namespace

const LineKernels line_kernels = {transform_input,
                                  transform_gradient,
                                  transform_output,
                                  transform_filters<3, 6, FourOutputs::filter>,
                                  transform_filters_turned<3, 6, FourOutputs::filter>,
                                  transform_filter_gradient<3, 6, FourOutputs::filter_gradient>};

}  // namespace PEA_CAPABILITY
}  // namespace pea
