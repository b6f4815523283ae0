// In which order the elements of tensors lie in memory.
#pragma once

#include <ATen/ATen.h>

namespace pea {

// Memory without gaps is walked in its own order; only what has gaps or repeats is copied.
inline at::Tensor dense(const at::Tensor& x) { return x.is_non_overlapping_and_dense() ? x : x.contiguous(); }

inline bool same_memory_order(const at::Tensor& a, const at::Tensor& b) {
  for (int64_t dim = 0; dim < a.dim(); ++dim) {
    if (a.size(dim) > 1 && a.stride(dim) != b.stride(dim)) return false;
  }
  return true;
}

// A tensor of x's shape in the memory order of x, which is dense: itself, or a copy.
inline at::Tensor ordered_like(const at::Tensor& tensor, const at::Tensor& x) {
  return same_memory_order(tensor, x) ? tensor : at::empty_like(x).copy_(tensor);
}

}  // namespace pea
