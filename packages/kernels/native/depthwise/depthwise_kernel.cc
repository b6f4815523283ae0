#include "depthwise/depthwise_kernel.h"

#include <type_traits>

#include "simd/elements.h"
#include "simd/vectors.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Outputs that are summed at a time: they share what they read, and with the weights of 3×3 windows they fit the registers.
constexpr int kBlock = 4;

// Rows of gradients of which the weights' sums fit the registers.
template <int kWindow>
constexpr int kCorrelatedRows = kRegisterBytes == 64 || kWindow == 3 ? kWindow : 2;

// The rows inside the image, and which row of the weights each meets.
template <typename T, int kWindow>
struct Taps {
  int count = 0;
  const T* row[kWindow];
  int64_t k[kWindow];

  explicit Taps(const DepthwiseRows& rows) {
    for (int64_t place = 0; place < kWindow; ++place) {
      if (rows.of[place] == nullptr) continue;
      row[count] = static_cast<const T*>(rows.of[place]);
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

// What is used several times, beside kOthers vectors: into a register where these leave room, which 25 do not.
template <typename V, int kOthers, typename T>
PEA_INLINE V read(const T* from) {
  if constexpr (kOthers < 25) return in_register(load<V>(from));
  else return load<V>(from);
}

template <int kValue>
using Constant = std::integral_constant<int, kValue>;

// Calls body(constant of the value), for a value between kFirst and kLast.
template <int kFirst, int kLast, typename Body>
PEA_INLINE void with_constant(int64_t value, const Body& body) {
  if constexpr (kFirst < kLast) {
    if (value != kFirst) return with_constant<kFirst + 1, kLast>(value, body);
  }
  body(Constant<kFirst>());
}

// How the windows lie on an image, as constants.
template <int kWindow_, int kStride_, int kLeft_>
struct Form {
  static constexpr int kWindow = kWindow_, kStride = kStride_, kLeft = kLeft_;
  // Outputs whose windows begin before the image.
  static constexpr int kCut = (kLeft + kStride - 1) / kStride;

  // The output behind the last one whose window ends in the image.
  static PEA_INLINE int64_t inside_end(int64_t width) { return (width + kLeft - kWindow + kStride) / kStride; }
};

// One vector of channels of kRows rows.
template <typename T, typename V, typename Of, int kRows>
class Windows {
 public:
  using F = Arithmetic<T>;

  // Turned: the weights of each row in the opposite order.
  PEA_INLINE Windows(const Taps<T, Of::kWindow>& taps, const DepthwiseShape& shape, const F* w, bool turned, int64_t c)
      : channels_(shape.channels), width_(shape.width) {
#pragma GCC unroll 5
    for (int r = 0; r < kRows; ++r) {
      rows_[r] = taps.row[r] + c;
      const F* const from = w + kWindow * taps.k[r] * channels_ + c;
#pragma GCC unroll 5
      for (int l = 0; l < kWindow; ++l) w_[r][l] = load<V>(from + (turned ? kWindow - 1 - l : l) * channels_);
    }
  }

  // y[j] = start + the products of the window of output j, for all outputs; y points to the first one's channels.
  PEA_INLINE void convolve(const V& start, T* y) const {
    const int64_t outputs = (width_ - 1) / kStride + 1, inside_end = Of::inside_end(width_);
    int64_t j = 0;
    if (width_ >= kWindow) {
      if constexpr (Of::kCut > 0) columns<Of::kLeft, kWindow>(0, start, y);
      if constexpr (Of::kCut > 1) columns<Of::kLeft - kStride, kWindow>(1, start, y);
      j = Of::kCut;
      for (; j + kBlock <= inside_end; j += kBlock) inside<kBlock>(j, start, y);
      for (; j < inside_end; ++j) inside<1>(j, start, y);
    }
    for (; j < outputs; ++j) at_edge(j, start, y);
  }

 private:
  static constexpr int kWindow = Of::kWindow, kStride = Of::kStride;

  // Every output is summed in the same order, wherever it lies.
  template <int kCount>
  PEA_INLINE void inside(int64_t j, const V& start, T* y) const {
    V sums[kCount];
#pragma GCC unroll 4
    for (int o = 0; o < kCount; ++o) sums[o] = start;
#pragma GCC unroll 5
    for (int r = 0; r < kRows; ++r) {
      const T* const first = rows_[r] + (j * kStride - Of::kLeft) * channels_;
#pragma GCC unroll 11
      for (int column = 0; column < (kCount - 1) * kStride + kWindow; ++column) {
        const V x = read<V, kRows * kWindow>(first + column * channels_);
#pragma GCC unroll 4
        for (int o = 0; o < kCount; ++o) {
          const int l = column - o * kStride;
          if (l >= 0 && l < kWindow) sums[o] += x * w_[r][l];
        }
      }
    }
#pragma GCC unroll 4
    for (int o = 0; o < kCount; ++o) store(sums[o], y + (j + o) * channels_);
  }

  PEA_INLINE void at_edge(int64_t j, const V& start, T* y) const {
    const int64_t begin = Of::kLeft - j * kStride, end = width_ + begin;
    if (begin <= 0 && end == kWindow - 1) return columns<0, kWindow - 1>(j, start, y);
    if constexpr (kWindow > 3) {
      if (begin <= 0 && end == kWindow - 2) return columns<0, kWindow - 2>(j, start, y);
    }
    V sum = start;
#pragma GCC unroll 5
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 5
      for (int l = 0; l < kWindow; ++l) {
        if (l >= begin && l < end) sum += load<V>(rows_[r] + (l - begin) * channels_) * w_[r][l];
      }
    }
    store(sum, y + j * channels_);
  }

  // Columns [kBegin, kEnd) of the window lie inside.
  template <int kBegin, int kEnd>
  PEA_INLINE void columns(int64_t j, const V& start, T* y) const {
    V sum = start;
#pragma GCC unroll 5
    for (int r = 0; r < kRows; ++r) {
      const T* const first = rows_[r] + (j * kStride - Of::kLeft) * channels_;
#pragma GCC unroll 5
      for (int l = kBegin; l < kEnd; ++l) sum += load<V>(first + l * channels_) * w_[r][l];
    }
    store(sum, y + j * channels_);
  }

  int64_t channels_, width_;
  const T* rows_[kRows];
  V w_[kRows][kWindow];
};

template <typename T, typename Of>
void convolve_row(const DepthwiseShape& shape, const DepthwiseRows& x, const void* w, bool turned, const void* bias,
                  void* y) {
  using F = Arithmetic<T>;
  const Taps<T, Of::kWindow> taps(x);
  with_constant<1, Of::kWindow>(taps.count, [&](auto rows) PEA_INLINE_BODY {
    for_each_vector<F>(shape.channels, [&](auto vector, int64_t c) PEA_INLINE_BODY {
      using V = decltype(vector);
      const V start = bias == nullptr ? V{} : load<V>(static_cast<const F*>(bias) + c);
      Windows<T, V, Of, decltype(rows)::value>(taps, shape, static_cast<const F*>(w), turned, c)
          .convolve(start, static_cast<T*>(y) + c);
    });
  });
}

// The gradient of x where windows step by 2, for columns 2 q and 2 q + 1 at a time. Column x met column l of the weights in
// window (x + left - l) / 2: every second l, in windows q + d.
template <typename T, typename Of>
void spread_row(const DepthwiseShape& shape, const DepthwiseRows& dy, const void* w, void* dx) {
  using F = Arithmetic<T>;
  constexpr int kWindow = Of::kWindow, kLeft = Of::kLeft;
  constexpr int kLeast = (kLeft + 1 - kWindow) / 2, kMost = (kLeft + 1) / 2;  // d
  const Taps<T, kWindow> taps(dy);
  const int64_t channels = shape.channels, last = shape.output_width() - 1, width = shape.width;
  with_constant<1, kWindow>(taps.count, [&](auto rows) PEA_INLINE_BODY {
    constexpr int kRows = decltype(rows)::value;
    for_each_vector<F>(channels, [&](auto vector, int64_t c) PEA_INLINE_BODY {
      using V = decltype(vector);
      V weights[kRows][kWindow];
#pragma GCC unroll 5
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 5
        for (int l = 0; l < kWindow; ++l) {
          weights[r][l] = load<V>(static_cast<const F*>(w) + (kWindow * taps.k[r] + l) * channels + c);
        }
      }
      T* const to = static_cast<T*>(dx) + c;
      const auto spread = [&](int64_t q, auto least, auto most) PEA_INLINE_BODY {
        V first{}, second{};
#pragma GCC unroll 5
        for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
          for (int d = decltype(least)::value; d <= decltype(most)::value; ++d) {
            const V gradient = load<V>(taps.row[r] + (q + d) * channels + c);
            const int l = kLeft - 2 * d;  // of the first column; of the second it is the next one
            if (l >= 0 && l < kWindow) first += gradient * weights[r][l];
            if (l + 1 >= 0 && l + 1 < kWindow) second += gradient * weights[r][l + 1];
          }
        }
        store(first, to + 2 * q * channels);
        if (2 * q + 1 < width) store(second, to + (2 * q + 1) * channels);
      };
      if (last == 0) return spread(0, Constant<0>(), Constant<0>());
      if (kLeast < 0) spread(0, Constant<0>(), Constant<kMost>());
      for (int64_t q = kLeast < 0 ? 1 : 0; q < last; ++q) spread(q, Constant<kLeast>(), Constant<kMost>());
      spread(last, Constant<kLeast>(), Constant<0>());
    });
  });
}

// What kRows rows of gradients contribute to as many rows of the weights' gradient, from row `first` of the taps on.
template <int kRows, typename Of, typename T, typename F = Arithmetic<T>>
PEA_INLINE void correlate_rows(const DepthwiseShape& shape, const Taps<T, Of::kWindow>& taps, int first, const T* x, F* dw) {
  constexpr int kWindow = Of::kWindow;
  const int64_t channels = shape.channels, width = shape.width, outputs = shape.output_width();
  const int64_t inside_end = Of::inside_end(width);
  for_each_vector<F>(channels, [&](auto vector, int64_t c) PEA_INLINE_BODY {
    using V = decltype(vector);
    V sums[kRows][kWindow] = {};
    const auto add = [&](int64_t j, auto edge) PEA_INLINE_BODY {
      V gradients[kRows];
#pragma GCC unroll 5
      for (int r = 0; r < kRows; ++r) gradients[r] = read<V, kRows * kWindow>(taps.row[first + r] + j * channels + c);
#pragma GCC unroll 5
      for (int l = 0; l < kWindow; ++l) {
        const int64_t column = j * Of::kStride + l - Of::kLeft;
        if (decltype(edge)::value && (column < 0 || column >= width)) continue;
        const V values = read<V, kRows * kWindow>(x + column * channels + c);
#pragma GCC unroll 5
        for (int r = 0; r < kRows; ++r) sums[r][l] += gradients[r] * values;
      }
    };
    int64_t j = 0;
    for (; j < smaller(Of::kCut, outputs); ++j) add(j, std::true_type());
    for (; j < inside_end; ++j) add(j, std::false_type());
    for (; j < outputs; ++j) add(j, std::true_type());
#pragma GCC unroll 5
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 5
      for (int l = 0; l < kWindow; ++l) {
        F* const to = dw + (kWindow * taps.k[first + r] + l) * channels + c;
        store(load<V>(to) + sums[r][l], to);
      }
    }
  });
}

template <typename T, typename Of>
void correlate_row(const DepthwiseShape& shape, const DepthwiseRows& dy, const void* x, void* dw) {
  constexpr int kMost = kCorrelatedRows<Of::kWindow>;
  const Taps<T, Of::kWindow> taps(dy);
  for (int first = 0; first < taps.count; first += kMost) {
    with_constant<1, kMost>(smaller(taps.count - first, kMost), [&](auto rows) PEA_INLINE_BODY {
      correlate_rows<decltype(rows)::value, Of>(shape, taps, first, static_cast<const T*>(x), static_cast<Arithmetic<T>*>(dw));
    });
  }
}

// Calls body(element, form).
template <typename Body>
PEA_INLINE void with_form(ElementType type, const DepthwiseShape& shape, const Body& body) {
  const auto with_left = [&](auto element, auto window) {
    constexpr int kWindow = decltype(window)::value, kHalf = kWindow / 2;
    if (shape.stride == 1) body(element, Form<kWindow, 1, kHalf>());
    else if (shape.left == kHalf) body(element, Form<kWindow, 2, kHalf>());
    else body(element, Form<kWindow, 2, kHalf - 1>());
  };
  const auto with_window = [&](auto element) {
    if (shape.window == 3) with_left(element, Constant<3>());
    else with_left(element, Constant<5>());
  };
  with_element(type, with_window);
}

void forward(ElementType type, const DepthwiseShape& shape, const DepthwiseRows& x, const void* w, const void* bias,
             void* y) {
  with_form(type, shape, [&](auto element, auto form) {
    convolve_row<decltype(element), decltype(form)>(shape, x, w, /*turned=*/false, bias, y);
  });
}

// With stride 1 it is a convolution with the weights turned by half a turn.
void input_gradient(ElementType type, const DepthwiseShape& shape, const DepthwiseRows& dy, const void* w, void* dx) {
  with_form(type, shape, [&](auto element, auto form) {
    using T = decltype(element);
    using Of = decltype(form);
    if constexpr (Of::kStride == 1) convolve_row<T, Of>(shape, dy, w, /*turned=*/true, /*bias=*/nullptr, dx);
    else spread_row<T, Of>(shape, dy, w, dx);
  });
}

void weight_gradient(ElementType type, const DepthwiseShape& shape, const DepthwiseRows& dy, const void* x, void* dw) {
  with_form(type, shape, [&](auto element, auto form) {
    correlate_row<decltype(element), decltype(form)>(shape, dy, x, dw);
  });
}

}  // namespace

const DepthwiseKernels depthwise_kernels = {forward, input_gradient, weight_gradient};

}  // namespace PEA_CAPABILITY
}  // namespace pea
