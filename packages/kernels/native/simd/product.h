// The inner loops of products of matrices, for all operators that multiply. Compiled once per CPU capability, as
// elementary.h.
//
// Every element is summed in the order of the depth, from 0 on, whatever block it lies in: results do not depend on how
// matrices are cut into blocks of rows and columns.
#pragma once

#include <cstdint>

#include "simd/vectors.h"

namespace pea {
namespace PEA_CAPABILITY {

// Vectors of the product that stay in registers, beside a row of b and a factor of a; and those in a row of them at
// most.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kSumVectors = 24, kRowVectors = 4;  // of 32 registers
#elif defined(__AVX2__)
constexpr int kSumVectors = 12, kRowVectors = 2;  // of 16
#else
constexpr int kSumVectors = 8, kRowVectors = 2;
#endif
constexpr int kMostRows = 12;

// What the columns of a product are a multiple of.
constexpr int64_t kColumnBlock = 8;

// [rows, depth] times [depth, columns]. Neighbouring columns of b and c lie side by side, their rows are a stride
// apart. Those of a, too; or, where a is transposed, neighbouring rows lie side by side and the elements of one row a
// stride apart.
template <typename F>
struct Product {
  const F* a;
  int64_t a_stride;
  const F* b;
  int64_t b_stride;
  F* c;
  int64_t c_stride;
  int64_t rows, depth, columns;

  PEA_INLINE Product below(bool transposed, int64_t row) const {
    return {a + row * (transposed ? 1 : a_stride), a_stride, b, b_stride, c + row * c_stride, c_stride,
            rows - row, depth, columns};
  }
  PEA_INLINE Product right_of(int64_t column) const {
    return {a, a_stride, b + column, b_stride, c + column, c_stride, rows, depth, columns - column};
  }
};

template <typename V, int kRows, int kVectors, bool kTransposed, bool kAdd, typename F>
PEA_INLINE void multiply_block(const Product<F>& of) {
  constexpr int kLanes = sizeof(V) / sizeof(F);
  const int64_t row_stride = kTransposed ? 1 : of.a_stride, depth_stride = kTransposed ? of.a_stride : 1;
  V sums[kRows][kVectors] = {};
  const F* a = of.a;
  const F* b = of.b;
  for (int64_t d = 0; d < of.depth; ++d) {
    V columns[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) columns[v] = load<V>(b + v * kLanes);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const F factor = a[r * row_stride];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] += factor * columns[v];
    }
    a += depth_stride;
    b += of.b_stride;
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      F* const to = of.c + r * of.c_stride + v * kLanes;
      store(kAdd ? load<V>(to) + sums[r][v] : sums[r][v], to);
    }
  }
}

// kRows at a time, fewer at the end.
template <typename V, int kRows, int kVectors, bool kTransposed, bool kAdd, typename F>
void multiply_rows(const Product<F>& of) {
  int64_t row = 0;
  for (; row + kRows <= of.rows; row += kRows) {
    multiply_block<V, kRows, kVectors, kTransposed, kAdd>(of.below(kTransposed, row));
  }
  if constexpr (kRows > 1) {
    if (row < of.rows) multiply_rows<V, kRows / 2, kVectors, kTransposed, kAdd>(of.below(kTransposed, row));
  }
}

// kVectors of columns at a time, fewer at the end.
template <typename V, int kVectors, bool kTransposed, bool kAdd, typename F>
void multiply_columns(const Product<F>& of) {
  constexpr int kLanes = sizeof(V) / sizeof(F), kRows = kSumVectors / kVectors;
  int64_t column = 0;
  for (; column + kVectors * kLanes <= of.columns; column += kVectors * kLanes) {
    multiply_rows<V, kRows < kMostRows ? kRows : kMostRows, kVectors, kTransposed, kAdd>(of.right_of(column));
  }
  if (column == of.columns) return;
  const Product<F> rest = of.right_of(column);
  if constexpr (kVectors > 1) multiply_columns<V, kVectors - 1, kTransposed, kAdd>(rest);
  else if constexpr (kLanes > kColumnBlock) multiply_columns<Vector<F, kColumnBlock>, 1, kTransposed, kAdd>(rest);
}

// c = a b, or c += a b; the columns are a multiple of kColumnBlock.
template <bool kTransposed, bool kAdd, typename F>
PEA_INLINE void multiply_matrices(const Product<F>& of) {
  multiply_columns<Vector<F>, kRowVectors, kTransposed, kAdd>(of);
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
