// What convolutions by Winograd's minimal filtering share on tensors: memory for the matrices of the frequencies, and the
// loops over these.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "convolution/frequency_kernel.h"

namespace pea {

struct Range {
  int64_t begin, end;

  int64_t size() const { return end - begin; }
};

inline int64_t panels(int64_t channels) { return at::divup(channels, kPanel); }
inline int64_t panel_width(int64_t channels, int64_t panel) { return std::min(channels - panel * kPanel, kPanel); }

// Throws, naming the operator, unless images [N, C, H, W], weights [K, C, …] and a bias, or none, fit each other and the
// kernels.
void check_operands(const char* name, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// Several `Matrices` of one size, whose values are not set. A cache line between two frequencies keeps them out of each
// other's sets in the caches.
class Scratch {
 public:
  Scratch(int64_t count, int64_t frequencies, int64_t rows, int64_t channels, const at::TensorOptions& options);

  // With the panels of all rows one after another.
  Matrices by_panels(int64_t index) const { return {start(index), frequency_stride_, rows_ * kPanel, kPanel}; }

  // With the panels of each row one after another.
  Matrices by_rows(int64_t index) const { return {start(index), frequency_stride_, kPanel, panels_ * kPanel}; }

 private:
  float* start(int64_t index) const { return data_ + index * frequencies_ * frequency_stride_; }

  int64_t frequencies_, rows_, panels_, frequency_stride_;
  at::Tensor memory_;
  float* data_;
};

// As the kernels transform a block of weights (frequency_transforms.h), and the gradient of these back.
using TransformWeights = void (*)(const float* w, int64_t inputs, int64_t count, const Matrices& to, int64_t output);
using TransformWeightGradient = void (*)(const Matrices& u, int64_t inputs, int64_t count, float* dw, int64_t output,
                                         bool add);

// The weights [K, C, …] for each frequency, rows × columns, by one of the two transforms.
Scratch transformed_weights(const at::Tensor& weight, TransformWeights transform, int64_t frequencies, int64_t rows,
                            int64_t columns);

// How many frequencies there are, and how many products are summed before the sum is added to others.
struct FrequencyPlan {
  int64_t frequencies, terms;
};

// m = v u for each frequency: v in rows of all panels, inputs of them; u and m in panels.
void multiply_frequencies(const FrequencyPlan& plan, const Matrices& v, const Matrices& u, const Matrices& m,
                          int64_t rows, int64_t inputs, int64_t outputs);

// Tasks that a gradient is cut into. They depend on the shape alone, so that sums do not depend on the number of threads.
constexpr int64_t kGradientTasks = 8;

// The gradient of the weights for each frequency, as parts of the tiles sum it, each part in sums of its own.
class WeightGradientSums {
 public:
  // tiles: at least one; or of whatever holds them, if that is not to be cut. There are fewer parts than wanted where
  // their sums would take much memory.
  WeightGradientSums(const FrequencyPlan& plan, int64_t tiles, int64_t wanted_parts, int64_t outputs, int64_t inputs,
                     const at::TensorOptions& options);

  int64_t parts() const { return parts_; }
  Range tiles(int64_t part) const { return {part * part_tiles_, std::min((part + 1) * part_tiles_, tiles_)}; }
  Matrices of_part(int64_t part) const { return sums_.by_panels(part); }  // outputs × inputs

  // u += dᵀ v for each frequency, or u = …: `rows` tiles of all inputs, and of the given panels of the outputs.
  void accumulate(const Range& output_panels, const Matrices& d, const Matrices& v, const Matrices& u, int64_t rows,
                  bool add) const;

  // All together, into dw, [K, …, C].
  void sum(TransformWeightGradient transform, float* dw) const;

 private:
  FrequencyPlan plan_;
  int64_t tiles_, outputs_, inputs_, part_tiles_, parts_;
  Scratch sums_;
};

}  // namespace pea
