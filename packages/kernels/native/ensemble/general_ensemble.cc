#include "ensemble/general_ensemble.h"

#include <cstring>

#include "ensemble/ensembles.h"
#include "simd/lanes.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// The options in the type of the arithmetic.
template <typename F>
struct Factors {
  F beta, inverse_beta, bound, relu_share, smooth_share;

  explicit Factors(const EnsembleOptions& options)
      : beta(static_cast<F>(options.beta)),
        inverse_beta(static_cast<F>(1 / options.beta)),
        bound(static_cast<F>(options.bound)),
        relu_share(static_cast<F>(options.alpha)),
        smooth_share(static_cast<F>(1 - options.alpha)) {}
};

// ReLU, cut off, and the smooth activation, with their slopes.
template <typename V>
struct Parts {
  V relu, smooth, relu_slope, smooth_slope;
};

// V: a number, or a vector of some.
template <typename Smooth, typename V, typename F = Lane<V>>
PEA_INLINE Parts<V> parts(V x, const Factors<F>& by) {
  const auto is_flat = x <= 0;
  const Gap<V> gap = Smooth::gap(by.beta * x, is_flat);
  const V relu = rectified(x, is_flat);
  return {relu > by.bound ? V{} + by.bound : relu, relu - by.inverse_beta * gap.value,
          is_flat || x >= by.bound ? V{} : V{} + 1, is_flat ? gap.growth : 1 - gap.growth};
}

template <Mode kMode, typename Smooth, typename F>
void forward_loop(const EnsembleOptions& options, F* __restrict x, int64_t count, const Draws& draws) {
  const Factors<F> by(options);
  const uint32_t limit = kMode == Mode::kStochastic ? mask_limit(options.alpha) : 0;
  const MaskKey key = draws.key;
  for_each_lanes<kTakesVectors<Smooth, F>>(count, [&](auto lanes, uint32_t i) PEA_INLINE_BODY {
    const auto of = parts<Smooth>(lanes.load(x + i), by);
    if constexpr (kMode == Mode::kStochastic) {
      const auto draws_relu = mask_draw(lanes.load(draws.counters + i), key) <= limit;
      lanes.store(draws_relu ? of.relu : of.smooth, x + i);
    } else {
      lanes.store(by.relu_share * of.relu + by.smooth_share * of.smooth, x + i);
    }
  });
}

// The surrogate's values are ReLU's.
template <typename F>
void cut_off_loop(const EnsembleOptions& options, F* x, int64_t count, const Draws&) {
  const F bound = static_cast<F>(options.bound);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const F rectified = relu(x[i]);
    x[i] = rectified > bound ? bound : rectified;
  }
}

template <Mode kMode, typename Smooth, typename F>
void backward_loop(const EnsembleOptions& options, const F* grad, const F* __restrict x, F* dx, int64_t count,
                   const Draws& draws) {
  const Factors<F> by(options);
  const uint32_t limit = kMode == Mode::kStochastic ? mask_limit(options.alpha) : 0;
  const MaskKey key = draws.key;
  for_each_lanes<kTakesVectors<Smooth, F>>(count, [&](auto lanes, uint32_t i) PEA_INLINE_BODY {
    const auto of = parts<Smooth>(lanes.load(x + i), by);
    const auto gradient = lanes.load(grad + i);
    if constexpr (kMode == Mode::kStochastic) {
      const auto draws_relu = mask_draw(lanes.load(draws.counters + i), key) <= limit;
      lanes.store(gradient * (draws_relu ? of.relu_slope : of.smooth_slope), dx + i);
    } else {
      lanes.store(gradient * (by.relu_share * of.relu_slope + by.smooth_share * of.smooth_slope), dx + i);
    }
  });
}

}  // namespace

template <typename F>
GeneralEnsemble<F>::GeneralEnsemble(const EnsembleOptions& options) : options_(options) {
  if (!is_general(options)) return;
  key_ = mask_key(options.seed, options.site, options.step, 0);
  with_smooth(options.smooth, [&](auto smooth) {
    using Smooth = decltype(smooth);
    const bool is_stochastic = options.mode == Mode::kStochastic;
    forward_ = options.mode == Mode::kSurrogate ? cut_off_loop<F>
               : is_stochastic                  ? forward_loop<Mode::kStochastic, Smooth, F>
                                                : forward_loop<Mode::kWeighted, Smooth, F>;
    backward_ = is_stochastic ? backward_loop<Mode::kStochastic, Smooth, F> : backward_loop<Mode::kWeighted, Smooth, F>;
  });
}

template <typename F>
void GeneralEnsemble<F>::forward(F* x, int64_t count, int64_t index) const {
  Draws draws;
  draw(draws, count, index);
  forward_(options_, x, count, draws);
}

template <typename F>
void GeneralEnsemble<F>::backward(const F* grad, const F* x, F* dx, int64_t count, int64_t index) const {
  Draws draws;
  draw(draws, count, index);
  backward_(options_, grad, x, dx, count, draws);
}

template <typename F>
void GeneralEnsemble<F>::draw(Draws& draws, int64_t count, int64_t index) const {
  if (options_.mode != Mode::kStochastic) return;
  const auto [block, period] = options_.draws;
  int64_t first = index / block * period, place = index % block, offset = place % period;
  const auto high = static_cast<uint32_t>((first + offset) >> 32);
  draws.key = high == 0 ? key_ : mask_key(options_.seed, options_.site, options_.step, high);
  const auto set = [&draws](int64_t at, int64_t end, int64_t draw, uint32_t increment) {
    uint32_t counter = mask_counter(static_cast<uint32_t>(draw), draws.key);
    for (; at < end; ++at, counter += increment) draws.counters[at] = counter;
  };
  if (block == 1) return set(0, count, first, kMaskIncrement);
  for (int64_t at = 0, end; at < count; at = end, first += period, place = offset = 0) {
    end = smaller(count, at + block - place);
    if (period == 1) {
      set(at, end, first, 0);
      continue;
    }
    // A period from its midst on, and copies of what is there.
    const int64_t wrapped = smaller(end, at + period - offset);
    set(at, wrapped, first + offset, kMaskIncrement);
    set(wrapped, smaller(end, at + period), first, kMaskIncrement);
    uint32_t* const from = draws.counters + at;
    for (int64_t done = period; done < end - at; done *= 2) {
      std::memcpy(from + done, from, smaller(done, end - at - done) * sizeof(uint32_t));
    }
  }
}

template class GeneralEnsemble<float>;
template class GeneralEnsemble<double>;

}  // namespace PEA_CAPABILITY
}  // namespace pea
