// What one ensemble activation computes. Plain data: shared by the operators and by the libtorch-free kernels.
#pragma once

#include <cstdint>

namespace pea {

enum class Smooth { kGelu, kSwish, kMish, kElu };
enum class Mode { kWeighted, kStochastic };
enum class ElementType { kFloat32, kBFloat16, kFloat64 };

struct EnsembleOptions {
  Smooth smooth;
  Mode mode;
  double alpha;  // ReLU's coefficient (weighted) or probability (stochastic), in [0, 1)
  int64_t seed, site, step;  // the masks' key; unused by the weighted mode
};

}  // namespace pea
