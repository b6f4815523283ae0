// The ensembles that have no loops of their own: those of a ReLU that is cut off, and of draws that elements share. For
// short arrays, which whoever calls has in the first-level cache. Compiled once per CPU capability, as ensemble_kernel.h.
#pragma once

#include <cstdint>

#include "ensemble/ensemble_options.h"
#include "ensemble/mask_generator.h"
#include "simd/buffer.h"

namespace pea {

// Whether options name one of these. Where the smooth activation runs alone, there is nothing to cut off or to draw.
inline bool is_general(const EnsembleOptions& options) {
  if (options.alpha == 0 && options.mode != Mode::kSurrogate) return false;
  const bool shares_draws = options.mode == Mode::kStochastic && options.draws.block > 1;
  return is_cut_off(options) || shares_draws;
}

namespace PEA_CAPABILITY {

// What the generator takes for the draws of a segment's elements, which share the high half of their index: callers cut
// at its borders where each element has a draw, and there are not so many planes or channels.
struct Draws {
  uint32_t counters[kSegment];
  MaskKey key{};
};

// For float and double. Arrays have at most kSegment elements; index is that of the first one in the tensor.
template <typename F>
class GeneralEnsemble {
 public:
  // Of other options it computes nothing.
  explicit GeneralEnsemble(const EnsembleOptions& options);

  // x = f(x)
  void forward(F* x, int64_t count, int64_t index) const;

  // dx = grad · f'(x); dx may be grad.
  void backward(const F* grad, const F* x, F* dx, int64_t count, int64_t index) const;

 private:
  using Forward = void (*)(const EnsembleOptions&, F* x, int64_t count, const Draws&);
  using Backward = void (*)(const EnsembleOptions&, const F* grad, const F* x, F* dx, int64_t count, const Draws&);

  void draw(Draws& draws, int64_t count, int64_t index) const;

  const EnsembleOptions options_;
  MaskKey key_{};  // of the draws below 2^32
  Forward forward_ = nullptr;
  Backward backward_ = nullptr;
};

}  // namespace PEA_CAPABILITY
}  // namespace pea
