// What one ensemble activation computes. Plain data: shared by the operators and by the libtorch-free kernels.
#pragma once

#include <cstdint>
#include <limits>

namespace pea {

// The smooth activations: the word for each in the operators' arguments, and what computes it (activations.h).
#define PEA_SMOOTH_ACTIVATIONS(X) \
  X(gelu, Gelu)                   \
  X(swish, Swish)                 \
  X(mish, Mish)                   \
  X(elu, Elu)                     \
  X(hardswish, Hardswish)         \
  X(gelu-tanh, GeluTanh)         \
  X(b-silu, BSilu)

#define PEA_ENUMERATOR(word, Activation) k##Activation,
enum class Smooth { PEA_SMOOTH_ACTIVATIONS(PEA_ENUMERATOR) };
#undef PEA_ENUMERATOR

// kSurrogate: ReLU forward, with the slope of the weighted ensemble backward.
enum class Mode { kWeighted, kStochastic, kSurrogate };

// Which draw of the stochastic mode is whose: element i of memory has draw i / block · period + i % block % period. By
// default each has its own; those of a plane or an image share one with the period 1, and those of a channel of an
// image in channels_last with as many as there are channels.
struct DrawPattern {
  int64_t block = 1, period = 1;
};

constexpr double kNoBound = std::numeric_limits<double>::infinity();

struct EnsembleOptions {
  Smooth smooth;
  Mode mode;
  double alpha;  // ReLU's coefficient (weighted) or probability (stochastic), in [0, 1], at 1 the bound alone counts
  int64_t seed, site, step;  // the masks' key; used by the stochastic mode alone
  double beta = 1;  // the smooth activation is act(beta x) / beta, nearer to ReLU the larger beta is
  double bound = kNoBound;  // where ReLU is cut off
  DrawPattern draws;
};

inline bool is_cut_off(const EnsembleOptions& options) { return options.bound < kNoBound; }

}  // namespace pea
