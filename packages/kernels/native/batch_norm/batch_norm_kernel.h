// The loops of pea::batch_norm_act over memory; free of libtorch for the reason in ensemble_kernel.h.
//
// Memory is taken as rows of `width` columns, and everything that depends on the channel alone is an array over the
// columns. In channels_last a row is one pixel's channels, or those of several pixels, so that any number of channels
// fills the vectors; in contiguous memory all columns of a plane are of one channel.
#pragma once

#include <cstdint>

#include "ensemble/ensemble_options.h"
#include "simd/cpu_capability.h"
#include "simd/element_type.h"

namespace pea {

enum class ActivationKind { kIdentity, kRelu, kEnsemble };

struct ActivationOptions {
  ActivationKind kind;
  EnsembleOptions ensemble;
};

// Elements [first, first + count), counted from the tensor's start; the first is of column 0. The last row may be cut.
struct Span {
  int64_t first, count;
};

// Arrays over the columns: of float, or of double for float64. Those that a kernel does not name may be null.
//
//   d = x - center,  z = scale · d + shift [+ residual],  y = act(z)
//
// The center lies near the mean and is exact in the dtype, so that d is exact where a large offset would cancel.
struct Columns {
  int64_t width;
  const void* center;
  const void* scale;
  const void* shift;
  // dx = scale · dz - (slope · d + offset); both null: dx = scale · dz
  const void* slope;
  const void* offset;
};

struct BatchNormKernels {
  // sums[j] += Σ d, squares[j] += Σ d²; of the columns only the center.
  void (*moments)(ElementType type, const void* x, Span span, const Columns& columns, double* sums, double* squares);

  // y = act(z); residual may be null. y points to where the span's first element goes, the others to element 0.
  void (*normalize)(ElementType type, const void* x, const void* residual, void* y, Span span, const Columns& columns,
                    const ActivationOptions& activation);

  // With dz = grad · act'(z): sums[j] += Σ dz, dots[j] += Σ dz · d. dz is stored unless it is null; it may be grad.
  // Unless y is null, y = act(z) is computed along, without residual; y points to where the span's first element goes.
  void (*reduce)(ElementType type, const void* grad, const void* x, const void* residual, void* dz, void* y, Span span,
                 const Columns& columns, const ActivationOptions& activation, double* sums, double* dots);

  // dx from dz, which may be dx; or from grad, whose dz is computed again for ReLU alone, without residual. dx points
  // to where the span's first element goes.
  void (*gradient)(ElementType type, const void* grad, const void* x, void* dx, Span span, const Columns& columns,
                   bool rectified);
};

PEA_KERNELS(BatchNormKernels, batch_norm_kernels)

}  // namespace pea
