#include "convolution/weight_sums.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

namespace pea {
namespace {

// Elements that one thread sums at least: fewer cost more to hand out than they take.
constexpr int64_t kGrainElements = 32768;
// Rows that are summed before they are written as columns, whose neighbours then lie in one line of the cache.
constexpr int64_t kBlockRows = 16;

template <typename F>
void sum_transposed(const at::Tensor& sums, F* to) {
  const int64_t parts = sums.size(0), rows = sums.size(1), columns = sums.size(2);
  const F* const from = sums.data_ptr<F>();
  const int64_t block_elements = std::max<int64_t>(kBlockRows * parts * columns, 1);  // without images there are no parts
  const int64_t grain = std::max<int64_t>(kGrainElements / block_elements, 1);
  at::parallel_for(0, at::divup(rows, kBlockRows), grain, [&](int64_t first, int64_t last) {
    std::vector<double> totals(kBlockRows * columns);
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = block * kBlockRows, count = std::min(kBlockRows, rows - begin);
      std::fill(totals.begin(), totals.end(), 0);
      for (int64_t part = 0; part < parts; ++part) {
        const F* const of_part = from + (part * rows + begin) * columns;
        for (int64_t i = 0; i < count * columns; ++i) totals[i] += of_part[i];
      }
      for (int64_t column = 0; column < columns; ++column) {
        F* const of_column = to + column * rows + begin;
        for (int64_t row = 0; row < count; ++row) of_column[row] = static_cast<F>(totals[row * columns + column]);
      }
    }
  });
}

}  // namespace

WeightSums::WeightSums(int64_t parts, int64_t rows, int64_t columns, const at::TensorOptions& options)
    : sums_(at::zeros({parts, rows, columns}, options.memory_format(c10::nullopt))) {}

void* WeightSums::of_part(int64_t part) const {
  return static_cast<char*>(sums_.data_ptr()) + part * sums_.stride(0) * sums_.element_size();
}

at::Tensor WeightSums::summed_transposed(at::IntArrayRef shape) const {
  const at::Tensor weight = at::empty(shape, sums_.options());
  AT_DISPATCH_FLOATING_TYPES(sums_.scalar_type(), "weight_sums", [&] {
    sum_transposed(sums_, weight.data_ptr<scalar_t>());
  });
  return weight;
}

}  // namespace pea
