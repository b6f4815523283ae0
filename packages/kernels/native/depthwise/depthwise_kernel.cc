#include "depthwise/depthwise_kernel.h"

#include <type_traits>

#include "simd/vectors.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Outputs that are summed at a time: they share what they read, and with the weights they fit the registers.
constexpr int kBlock = 4;

// The rows inside the image, and which row of the weights each meets.
template <typename F>
struct Taps {
  int count = 0;
  const F* row[3];
  int64_t k[3];

  explicit Taps(const DepthwiseRows& rows) {
    for (int64_t place = 0; place < 3; ++place) {
      if (rows.of[place] == nullptr) continue;
      row[count] = static_cast<const F*>(rows.of[place]);
      k[count++] = place;
    }
  }
};

// Calls body(vector, first channel) for the vectors of all channels.
template <typename F, typename Body>
PEA_INLINE void for_each_vector(int64_t channels, const Body& body) {
  constexpr int kLanes = kLanesOf<F>;
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) body(Vector<F>(), c);
  if constexpr (kLanes > kDepthwiseChannels) {
    if (c < channels) body(Vector<F, kDepthwiseChannels>(), c);
  }
}

// Calls body(constant number of rows).
template <typename Body>
PEA_INLINE void with_rows(int count, const Body& body) {
  switch (count) {
    case 1: return body(std::integral_constant<int, 1>());
    case 2: return body(std::integral_constant<int, 2>());
    default: return body(std::integral_constant<int, 3>());
  }
}

// One vector of channels of a row, whose windows step by kStride.
template <typename F, typename V, int kRows, int kStride>
class Windows {
 public:
  // Turned: the weights of each row in the opposite order.
  PEA_INLINE Windows(const Taps<F>& taps, const DepthwiseShape& shape, const F* w, bool turned, int64_t c)
      : channels_(shape.channels), width_(shape.width) {
#pragma GCC unroll 3
    for (int r = 0; r < kRows; ++r) {
      rows_[r] = taps.row[r] + c;
      const F* const from = w + 3 * taps.k[r] * channels_ + c;
#pragma GCC unroll 3
      for (int l = 0; l < 3; ++l) w_[r][l] = load<V>(from + (turned ? 2 - l : l) * channels_);
    }
  }

  // y[j] = start + the products of the window of output j, for all outputs; y points to the first one's channels.
  PEA_INLINE void convolve(const V& start, F* y) const {
    const int64_t outputs = (width_ - 1) / kStride + 1;
    const int64_t inside_end = (width_ - 2) / kStride + 1;
    at_edge(0, start, y);
    int64_t j = 1;
    for (; j + kBlock <= inside_end; j += kBlock) inside<kBlock>(j, start, y);
    for (; j < inside_end; ++j) inside<1>(j, start, y);
    for (; j < outputs; ++j) at_edge(j, start, y);
  }

 private:
  // Every output is summed in the same order, wherever it lies.
  template <int kCount>
  PEA_INLINE void inside(int64_t j, const V& start, F* y) const {
    V sums[kCount];
#pragma GCC unroll 4
    for (int o = 0; o < kCount; ++o) sums[o] = start;
#pragma GCC unroll 3
    for (int r = 0; r < kRows; ++r) {
      const F* const first = rows_[r] + (j * kStride - 1) * channels_;
#pragma GCC unroll 9
      for (int column = 0; column < (kCount - 1) * kStride + 3; ++column) {
        const V x = load<V>(first + column * channels_);
#pragma GCC unroll 4
        for (int o = 0; o < kCount; ++o) {
          const int l = column - o * kStride;
          if (l >= 0 && l < 3) sums[o] += x * w_[r][l];
        }
      }
    }
#pragma GCC unroll 4
    for (int o = 0; o < kCount; ++o) store(sums[o], y + (j + o) * channels_);
  }

  PEA_INLINE void at_edge(int64_t j, const V& start, F* y) const {
    V sum = start;
#pragma GCC unroll 3
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int l = 0; l < 3; ++l) {
        const int64_t column = j * kStride + l - 1;
        if (column >= 0 && column < width_) sum += load<V>(rows_[r] + column * channels_) * w_[r][l];
      }
    }
    store(sum, y + j * channels_);
  }

  int64_t channels_, width_;
  const F* rows_[kRows];
  V w_[kRows][3];
};

template <typename F, int kStride>
void convolve_row(const DepthwiseShape& shape, const DepthwiseRows& x, const void* w, bool turned, const void* bias,
                  void* y) {
  const Taps<F> taps(x);
  with_rows(taps.count, [&](auto rows) {
    for_each_vector<F>(shape.channels, [&](auto vector, int64_t c) {
      using V = decltype(vector);
      const V start = bias == nullptr ? V{} : load<V>(static_cast<const F*>(bias) + c);
      Windows<F, V, decltype(rows)::value, kStride>(taps, shape, static_cast<const F*>(w), turned, c)
          .convolve(start, static_cast<F*>(y) + c);
    });
  });
}

template <typename F>
void forward_row(const DepthwiseShape& shape, const DepthwiseRows& x, const void* w, const void* bias, void* y) {
  const auto run = shape.stride == 1 ? convolve_row<F, 1> : convolve_row<F, 2>;
  run(shape, x, w, /*turned=*/false, bias, y);
}

// With stride 2 an even column of x was met by the weights' middle column alone, an odd one by the two others.
template <typename F>
void spread_row(const DepthwiseShape& shape, const DepthwiseRows& dy, const void* w, void* dx) {
  const Taps<F> taps(dy);
  const int64_t channels = shape.channels, outputs = shape.output_width();
  with_rows(taps.count, [&](auto rows) {
    constexpr int kRows = decltype(rows)::value;
    for_each_vector<F>(channels, [&](auto vector, int64_t c) {
      using V = decltype(vector);
      V weights[kRows][3];
#pragma GCC unroll 3
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
        for (int l = 0; l < 3; ++l) {
          weights[r][l] = load<V>(static_cast<const F*>(w) + (3 * taps.k[r] + l) * channels + c);
        }
      }
      F* const to = static_cast<F*>(dx) + c;
      for (int64_t j = 0; j < outputs; ++j) {
        V even{}, odd{};
#pragma GCC unroll 3
        for (int r = 0; r < kRows; ++r) {
          const F* const from = taps.row[r] + j * channels + c;
          const V gradient = load<V>(from);
          even += gradient * weights[r][1];
          odd += gradient * weights[r][2];
          if (j + 1 < outputs) odd += load<V>(from + channels) * weights[r][0];
        }
        store(even, to + 2 * j * channels);
        if (2 * j + 1 < shape.width) store(odd, to + (2 * j + 1) * channels);
      }
    });
  });
}

// With stride 1 it is a convolution with the weights turned by half a turn.
template <typename F>
void input_gradient_row(const DepthwiseShape& shape, const DepthwiseRows& dy, const void* w, void* dx) {
  if (shape.stride == 1) convolve_row<F, 1>(shape, dy, w, /*turned=*/true, /*bias=*/nullptr, dx);
  else spread_row<F>(shape, dy, w, dx);
}

template <typename F, int kStride>
void correlate_row(const DepthwiseShape& shape, const DepthwiseRows& dy, const void* x, void* dw) {
  const Taps<F> taps(dy);
  const int64_t channels = shape.channels, width = shape.width, outputs = shape.output_width();
  const int64_t inside_end = (width - 2) / kStride + 1;
  with_rows(taps.count, [&](auto rows) {
    constexpr int kRows = decltype(rows)::value;
    for_each_vector<F>(channels, [&](auto vector, int64_t c) {
      using V = decltype(vector);
      V sums[kRows][3] = {};
      const auto add = [&](int64_t j, auto edge) {
        V gradients[kRows];
#pragma GCC unroll 3
        for (int r = 0; r < kRows; ++r) gradients[r] = load<V>(taps.row[r] + j * channels + c);
#pragma GCC unroll 3
        for (int l = 0; l < 3; ++l) {
          const int64_t column = j * kStride + l - 1;
          if (decltype(edge)::value && (column < 0 || column >= width)) continue;
          const V values = load<V>(static_cast<const F*>(x) + column * channels + c);
#pragma GCC unroll 3
          for (int r = 0; r < kRows; ++r) sums[r][l] += gradients[r] * values;
        }
      };
      add(0, std::true_type());
      int64_t j = 1;
      for (; j < inside_end; ++j) add(j, std::false_type());
      for (; j < outputs; ++j) add(j, std::true_type());
#pragma GCC unroll 3
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
        for (int l = 0; l < 3; ++l) {
          F* const to = static_cast<F*>(dw) + (3 * taps.k[r] + l) * channels + c;
          store(load<V>(to) + sums[r][l], to);
        }
      }
    });
  });
}

template <typename F>
void weight_gradient_row(const DepthwiseShape& shape, const DepthwiseRows& dy, const void* x, void* dw) {
  const auto run = shape.stride == 1 ? correlate_row<F, 1> : correlate_row<F, 2>;
  run(shape, dy, x, dw);
}

void forward(ElementType type, const DepthwiseShape& shape, const DepthwiseRows& x, const void* w, const void* bias,
             void* y) {
  const auto run = type == ElementType::kFloat64 ? forward_row<double> : forward_row<float>;
  run(shape, x, w, bias, y);
}

void input_gradient(ElementType type, const DepthwiseShape& shape, const DepthwiseRows& dy, const void* w, void* dx) {
  const auto run = type == ElementType::kFloat64 ? input_gradient_row<double> : input_gradient_row<float>;
  run(shape, dy, w, dx);
}

void weight_gradient(ElementType type, const DepthwiseShape& shape, const DepthwiseRows& dy, const void* x, void* dw) {
  const auto run = type == ElementType::kFloat64 ? weight_gradient_row<double> : weight_gradient_row<float>;
  run(shape, dy, x, dw);
}

}  // namespace

const DepthwiseKernels depthwise_kernels = {forward, input_gradient, weight_gradient};

}  // namespace PEA_CAPABILITY
}  // namespace pea
