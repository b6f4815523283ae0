#include "max_pool/max_pool_kernel.h"

#include <type_traits>

#include "simd/elements.h"
#include "simd/vectors.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Elements that are worked on at a time: enough for the vectors, few enough for the first-level cache.
constexpr int64_t kSegment = 512;

// As wide as the arithmetic, so that one mask selects value and position.
template <typename T>
using Position = std::conditional_t<sizeof(T) == sizeof(double), int64_t, int32_t>;

PEA_INLINE float value_of(float x) { return x; }
PEA_INLINE double value_of(double x) { return x; }
PEA_INLINE float value_of(BFloat16 x) { return to_float(x); }

PEA_INLINE void put(float x, float* to) { *to = x; }
PEA_INLINE void put(double x, double* to) { *to = x; }
PEA_INLINE void put(float x, BFloat16* to) { *to = to_bfloat16(x); }

PEA_INLINE int64_t ceil_divide(int64_t a, int64_t b) { return a > 0 ? (a + b - 1) / b : -(-a / b); }

struct Range {
  int64_t begin, end;
};

// The outputs o for which o · stride + offset lies in [begin, end).
PEA_INLINE Range outputs_reaching(const PoolAxis& axis, int64_t offset, int64_t begin, int64_t end) {
  return {larger(ceil_divide(begin - offset, axis.stride), 0),
          smaller(ceil_divide(end - offset, axis.stride), axis.output)};
}

// The k of a window that lie in the input.
PEA_INLINE Range inside(const PoolAxis& axis, int64_t output) {
  const int64_t start = output * axis.stride - axis.padding;
  return {larger(ceil_divide(-start, axis.dilation), 0),
          smaller(ceil_divide(axis.input - start, axis.dilation), axis.window)};
}

// Calls body(first pixel, pixels, first channel, channels) for pieces of a row that take up to kSegment elements.
// Pieces lie without gaps in memory: either they have all channels, or they are of one pixel.
template <typename Body>
PEA_INLINE void for_each_piece(int64_t pixels, int64_t depth, const Body& body) {
  const int64_t pixels_at_once = larger(kSegment / depth, 1);
  for (int64_t pixel = 0; pixel < pixels; pixel += pixels_at_once) {
    for (int64_t channel = 0; channel < depth; channel += kSegment) {
      body(pixel, smaller(pixels_at_once, pixels - pixel), channel, smaller(kSegment, depth - channel));
    }
  }
}

// Adds to each sum the gradient of a window whose greatest element is at the position.
template <typename T>
PEA_INLINE void add_chosen(const T* __restrict grad, const uint8_t* __restrict positions, int64_t count,
                           Position<T> position, Arithmetic<T>* __restrict sums, int64_t stride) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const Arithmetic<T> gradient = value_of(grad[i]);  // read in any case: no jump for it
    sums[i * stride] += positions[i] == position ? gradient : Arithmetic<T>(0);
  }
}

// The same for kLanes sums that lie side by side: compilers take single elements where they are fewer than a register holds,
// and 24 channels are common.
template <int kLanes, typename T>
PEA_INLINE void add_chosen_lanes(const T* grad, const uint8_t* positions, Position<T> position, Arithmetic<T>* sums) {
  using F = Arithmetic<T>;
  using Lanes = Vector<Position<T>, kLanes>;
  F gradients[kLanes];
  for (int i = 0; i < kLanes; ++i) gradients[i] = value_of(grad[i]);
  const auto bytes = load<Vector<uint8_t, kLanes>>(positions);
  const Lanes chosen = __builtin_convertvector(bytes, Lanes) == position;
  const auto bits = load<Lanes>(gradients) & chosen;
  store(load<Vector<F, kLanes>>(sums) + load<Vector<F, kLanes>>(reinterpret_cast<const F*>(&bits)), sums);
}

template <typename T>
PEA_INLINE void add_chosen_row(const T* grad, const uint8_t* positions, int64_t count, Position<T> position,
                               Arithmetic<T>* sums) {
  constexpr int kLanes = kLanesOf<Arithmetic<T>>, kHalf = kLanes / 2;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) add_chosen_lanes<kLanes>(grad + i, positions + i, position, sums + i);
  for (; i + kHalf <= count; i += kHalf) add_chosen_lanes<kHalf>(grad + i, positions + i, position, sums + i);
  add_chosen(grad + i, positions + i, count - i, position, sums + i, 1);
}

// The greatest elements of up to kSegment windows so far, and their positions.
template <typename T>
class Greatest {
 public:
  // Nothing seen; should nothing be greater than -inf, the position is the first.
  PEA_INLINE void start(int64_t at, int64_t count, int64_t first_position) {
    for (int64_t i = at; i < at + count; ++i) {
      values_[i] = -static_cast<Arithmetic<T>>(__builtin_inf());
      positions_[i] = static_cast<Position<T>>(first_position);
    }
  }

  // Windows at, at + 1, … see these elements at a position.
  PEA_INLINE void see(int64_t at, const T* __restrict elements, int64_t stride, int64_t count, int64_t position) {
    Arithmetic<T>* __restrict values = values_ + at;
    Position<T>* __restrict positions = positions_ + at;
    const auto here = static_cast<Position<T>>(position);
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) {
      const Arithmetic<T> value = value_of(elements[i * stride]);
      const bool taken = (value > values[i]) | (value != value);
      values[i] = taken ? value : values[i];
      positions[i] = taken ? here : positions[i];
    }
  }

  PEA_INLINE void write(T* __restrict y, uint8_t* __restrict positions, int64_t count) const {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) put(values_[i], y + i);
    if (positions == nullptr) return;
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) positions[i] = static_cast<uint8_t>(positions_[i]);
  }

 private:
  alignas(64) Arithmetic<T> values_[kSegment];
  alignas(64) Position<T> positions_[kSegment];
};

// The windows of a row one after the other, all channels of each: memory is read as it lies.
template <typename T>
void forward_pixels(const T* x, T* y, uint8_t* positions, int64_t row, const MaxPoolShape& shape) {
  const PoolAxis &rows = shape.rows, &columns = shape.columns;
  const int64_t depth = shape.depth;
  const Range ky_inside = inside(rows, row);
  Greatest<T> greatest;
  for (int64_t pixel = 0; pixel < columns.output; ++pixel) {
    const Range kx_inside = inside(columns, pixel);
    const int64_t top = row * rows.stride - rows.padding, left = pixel * columns.stride - columns.padding;
    for (int64_t channel = 0; channel < depth; channel += kSegment) {
      const int64_t channels = smaller(kSegment, depth - channel);
      greatest.start(0, channels, ky_inside.begin * columns.window + kx_inside.begin);
      for (int64_t ky = ky_inside.begin; ky < ky_inside.end; ++ky) {
        const int64_t line = (top + ky * rows.dilation) * columns.input + left;
        for (int64_t kx = kx_inside.begin; kx < kx_inside.end; ++kx) {
          greatest.see(0, x + (line + kx * columns.dilation) * depth + channel, 1, channels, ky * columns.window + kx);
        }
      }
      const int64_t at = (row * columns.output + pixel) * depth + channel;
      greatest.write(y + at, positions == nullptr ? nullptr : positions + at, channels);
    }
  }
}

// Many windows of a row at a time, of one channel.
template <typename T>
void forward_line(const T* x, T* y, uint8_t* positions, int64_t row, const MaxPoolShape& shape) {
  const PoolAxis &rows = shape.rows, &columns = shape.columns;
  const Range ky_inside = inside(rows, row);
  Greatest<T> greatest;
  for (int64_t pixel = 0; pixel < columns.output; pixel += kSegment) {
    const int64_t pixels = smaller(kSegment, columns.output - pixel);
    for (int64_t i = 0; i < pixels; ++i) {
      greatest.start(i, 1, ky_inside.begin * columns.window + inside(columns, pixel + i).begin);
    }
    for (int64_t ky = ky_inside.begin; ky < ky_inside.end; ++ky) {
      const T* const line = x + (row * rows.stride - rows.padding + ky * rows.dilation) * columns.input;
      for (int64_t kx = 0; kx < columns.window; ++kx) {
        const int64_t offset = kx * columns.dilation - columns.padding;
        const Range outputs = outputs_reaching(columns, offset, 0, columns.input);
        const int64_t begin = larger(outputs.begin, pixel), end = smaller(outputs.end, pixel + pixels);
        if (begin >= end) continue;
        greatest.see(begin - pixel, line + begin * columns.stride + offset, columns.stride, end - begin,
                     ky * columns.window + kx);
      }
    }
    const int64_t at = row * columns.output + pixel;
    greatest.write(y + at, positions == nullptr ? nullptr : positions + at, pixels);
  }
}

template <typename T>
void backward_row(const T* grad, const uint8_t* positions, T* dx, int64_t row, const MaxPoolShape& shape) {
  const PoolAxis &rows = shape.rows, &columns = shape.columns;
  const int64_t depth = shape.depth;
  alignas(64) Arithmetic<T> sums[kSegment];
  for_each_piece(columns.input, depth, [&](int64_t pixel, int64_t pixels, int64_t channel, int64_t channels) {
    for (int64_t i = 0; i < pixels * channels; ++i) sums[i] = 0;
    // Windows come in their order where the positions in them go backwards.
    for (int64_t ky = rows.window - 1; ky >= 0; --ky) {
      const Range reached = outputs_reaching(rows, ky * rows.dilation - rows.padding, row, row + 1);
      if (reached.begin >= reached.end) continue;
      for (int64_t kx = columns.window - 1; kx >= 0; --kx) {
        const auto position = static_cast<Position<T>>(ky * columns.window + kx);
        const int64_t offset = kx * columns.dilation - columns.padding;
        const Range outputs = outputs_reaching(columns, offset, pixel, pixel + pixels);
        if (outputs.begin >= outputs.end) continue;
        const int64_t line = reached.begin * columns.output;
        if (depth == 1) {
          const int64_t first = line + outputs.begin;
          add_chosen(grad + first, positions + first, outputs.end - outputs.begin, position,
                     sums + outputs.begin * columns.stride + offset - pixel, columns.stride);
          continue;
        }
        for (int64_t output = outputs.begin; output < outputs.end; ++output) {
          const int64_t first = (line + output) * depth + channel;
          add_chosen_row(grad + first, positions + first, channels, position,
                         sums + (output * columns.stride + offset - pixel) * channels);
        }
      }
    }
    T* const to = dx + (row * columns.input + pixel) * depth + channel;
#pragma omp simd
    for (int64_t i = 0; i < pixels * channels; ++i) put(sums[i], to + i);
  });
}

void forward(ElementType type, const void* x, void* y, uint8_t* positions, int64_t row, const MaxPoolShape& shape) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    const auto run = shape.depth == 1 ? forward_line<T> : forward_pixels<T>;
    run(static_cast<const T*>(x), static_cast<T*>(y), positions, row, shape);
  });
}

void backward(ElementType type, const void* grad, const uint8_t* positions, void* dx, int64_t row,
              const MaxPoolShape& shape) {
  with_element(type, [&](auto element) {
    using T = decltype(element);
    backward_row(static_cast<const T*>(grad), positions, static_cast<T*>(dx), row, shape);
  });
}

}  // namespace

const MaxPoolKernels max_pool_kernels = {forward, backward};

}  // namespace PEA_CAPABILITY
}  // namespace pea
