#include "convolution/weight_sums.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

namespace pea {
namespace {

// Summed by one thread: fewer cost more to hand out than they take.
constexpr int64_t kGrainElements = 32768;

template <typename F>
void sum_transposed(const at::Tensor& sums, F* to) {
  const int64_t parts = sums.size(0), rows = sums.size(1), columns = sums.size(2);
  const F* const from = sums.data_ptr<F>();
  const int64_t row_elements = std::max<int64_t>(parts * columns, 1);  // without images there are no parts
  at::parallel_for(0, rows, std::max<int64_t>(kGrainElements / row_elements, 1), [&](int64_t first, int64_t last) {
    std::vector<double> total(columns);
    for (int64_t row = first; row < last; ++row) {
      std::fill(total.begin(), total.end(), 0);
      for (int64_t part = 0; part < parts; ++part) {
        const F* const of_part = from + (part * rows + row) * columns;
        for (int64_t column = 0; column < columns; ++column) total[column] += of_part[column];
      }
      for (int64_t column = 0; column < columns; ++column) to[column * rows + row] = static_cast<F>(total[column]);
    }
  });
}

}  // namespace

WeightSums::WeightSums(int64_t parts, int64_t rows, int64_t columns, const at::TensorOptions& options)
    : sums_(at::zeros({parts, rows, columns}, options.memory_format(c10::nullopt))) {}

void* WeightSums::of_part(int64_t part) const {
  return static_cast<char*>(sums_.data_ptr()) + part * sums_.stride(0) * sums_.element_size();
}

at::Tensor WeightSums::transposed(at::IntArrayRef shape) const {
  const at::Tensor weight = at::empty(shape, sums_.options());
  AT_DISPATCH_FLOATING_TYPES(sums_.scalar_type(), "weight_sums", [&] {
    sum_transposed(sums_, weight.data_ptr<scalar_t>());
  });
  return weight;
}

}  // namespace pea
