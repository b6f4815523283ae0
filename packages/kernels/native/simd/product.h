// The inner loops of products of matrices, for all operators that multiply. Compiled once per CPU capability, as
// elementary.h.
//
// Every element is summed in the order of the depth, from its start on, whatever block it lies in: results do not depend on
// how matrices are cut into blocks of rows and columns. Matrices of bfloat16 are summed in float32.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "simd/elements.h"
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

// What a column of b holds for one step of the depth, where b is packed: pairs for the instruction that takes two of
// bfloat16 at once.
#if defined(__AVX512BF16__)
struct BFloat16Pair {
  BFloat16 of[2];
};
template <typename T>
using Packed = std::conditional_t<std::is_same_v<T, BFloat16>, BFloat16Pair, T>;
#else
template <typename T>
using Packed = T;
#endif

// How the left matrix lies: the neighbours in each row side by side, or those in each column; or the depth comes in segments, in
// each of which it does so.
enum class Layout { kRows, kColumns, kRowSegments, kColumnSegments };
constexpr bool has_columns(Layout layout) { return layout == Layout::kColumns || layout == Layout::kColumnSegments; }
constexpr bool has_segments(Layout layout) { return layout == Layout::kRowSegments || layout == Layout::kColumnSegments; }

// [rows, depth] of T times [depth, columns] of T, or, packed, [steps of the depth, columns]. Neighbouring columns of b and c
// lie side by side, their rows are a stride apart. Those of a, too; or neighbouring rows lie
// side by side and the elements of one row a stride apart. Of segments, `depth` is that of each.
template <typename T, typename C = Arithmetic<T>, typename B = T>
struct Product {
  const T* a;
  int64_t a_stride;
  const B* b;
  int64_t b_stride;
  C* c;
  int64_t c_stride;
  int64_t rows, depth, columns;
  const Arithmetic<T>* start = nullptr;  // of the sums of each column; null: 0
  // Where segments begin behind a, how many there are, and how far apart they begin in b.
  const int64_t* segments = nullptr;
  int64_t segment_count = 1, b_segment_stride = 0;

  PEA_INLINE Product below(int64_t row_stride, int64_t row) const {
    Product rest = *this;
    rest.a += row * row_stride;
    rest.c += row * c_stride;
    rest.rows -= row;
    return rest;
  }
  PEA_INLINE Product right_of(int64_t column) const {
    Product rest = *this;
    rest.b += column;
    rest.c += column;
    rest.columns -= column;
    if (start != nullptr) rest.start += column;
    return rest;
  }
};

// One step of the depth: a factor of a, a vector of b's columns, and the sums that their product is added to.
template <typename V, typename T>
struct DepthStep {
  static constexpr int kDepth = 1;

  template <bool kNeighbours, bool kWhole>
  PEA_INLINE static auto factor(const T* a, int64_t) { return value(*a); }
  template <bool kWhole>
  PEA_INLINE static V columns(const T* b, int64_t) { return load<V>(b); }
  template <typename Factor>
  PEA_INLINE static V add(const V& sums, Factor factor, const V& columns) { return sums + factor * columns; }
};

#if defined(__AVX512BF16__)
// Two of the depth at a time, whose values share 32 bits; the last of an odd depth has 0 beside it. Packed b has an even depth.
template <typename V>
struct DepthStep<V, BFloat16> {
  static constexpr int kDepth = 2;
  using Pairs = Vector<uint32_t, sizeof(V) / sizeof(float)>;

  template <bool kNeighbours, bool kWhole>
  PEA_INLINE static uint32_t factor(const BFloat16* a, int64_t depth_stride) {
    if constexpr (kNeighbours && kWhole) {
      uint32_t pair;
      std::memcpy(&pair, a, sizeof pair);
      return pair;
    } else {
      return a->bits | (kWhole ? static_cast<uint32_t>(a[depth_stride].bits) << 16 : 0);
    }
  }

  template <bool>
  PEA_INLINE static Pairs columns(const BFloat16Pair* b, int64_t) { return load<Pairs>(b); }
  template <bool kWhole>
  PEA_INLINE static Pairs columns(const BFloat16* b, int64_t stride) {
    const Pairs first = load_bits<Pairs>(b);
    if constexpr (kWhole) return first | load_bits<Pairs>(b + stride) << 16;
    else return first;
  }

  PEA_INLINE static V add(const V& sums, uint32_t factor, const Pairs& columns) {
    const Pairs factors = Pairs{} + factor;
    if constexpr (sizeof(V) == 64) {
      return reinterpret_cast<V>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(sums), reinterpret_cast<__m512bh>(factors),
                                                  reinterpret_cast<__m512bh>(columns)));
    } else {
      static_assert(sizeof(V) == 32);
      return reinterpret_cast<V>(_mm256_dpbf16_ps(reinterpret_cast<__m256>(sums), reinterpret_cast<__m256bh>(factors),
                                                  reinterpret_cast<__m256bh>(columns)));
    }
  }
};
#endif

template <Layout kLayout, typename T, typename C, typename B>
PEA_INLINE int64_t row_stride_of(const Product<T, C, B>& of) {
  return has_columns(kLayout) ? 1 : of.a_stride;
}

template <typename V, int kRows, int kVectors, Layout kLayout, bool kAdd, typename T, typename C, typename B>
PEA_INLINE void multiply_block(const Product<T, C, B>& of) {
  using Step = DepthStep<V, T>;
  constexpr int kLanes = sizeof(V) / sizeof(Arithmetic<T>);
  constexpr int kBRows = std::is_same_v<B, T> ? Step::kDepth : 1;  // in a step
  constexpr bool kNeighbours = !has_columns(kLayout);
  const int64_t row_stride = row_stride_of<kLayout>(of), depth_stride = kNeighbours ? 1 : of.a_stride;
  V sums[kRows][kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const V start = of.start == nullptr ? V{} : load<V>(of.start + v * kLanes);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) sums[r][v] = start;
  }
  const T* a = of.a;
  const B* b = of.b;
  const auto add_step = [&](auto whole) {
    constexpr bool kWhole = decltype(whole)::value;
    decltype(Step::template columns<kWhole>(b, 0)) columns[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) columns[v] = Step::template columns<kWhole>(b + v * kLanes, of.b_stride);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const auto factor = Step::template factor<kNeighbours, kWhole>(a + r * row_stride, depth_stride);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = Step::add(sums[r][v], factor, columns[v]);
    }
    a += Step::kDepth * depth_stride;
    b += kBRows * of.b_stride;
  };
  const int64_t segments = has_segments(kLayout) ? of.segment_count : 1;
  for (int64_t segment = 0; segment < segments; ++segment) {
    if constexpr (has_segments(kLayout)) {
      a = of.a + of.segments[segment];
      b = of.b + segment * of.b_segment_stride;
    }
    for (int64_t d = Step::kDepth; d <= of.depth; d += Step::kDepth) add_step(std::true_type());
    if (of.depth % Step::kDepth != 0) add_step(std::false_type());
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      C* const to = of.c + r * of.c_stride + v * kLanes;
      store(kAdd ? load<V>(to) + sums[r][v] : sums[r][v], to);
    }
  }
}

// kRows at a time, fewer at the end.
template <typename V, int kRows, int kVectors, Layout kLayout, bool kAdd, typename T, typename C, typename B>
void multiply_rows(const Product<T, C, B>& of) {
  int64_t row = 0;
  for (; row + kRows <= of.rows; row += kRows) {
    multiply_block<V, kRows, kVectors, kLayout, kAdd>(of.below(row_stride_of<kLayout>(of), row));
  }
  if constexpr (kRows > 1) {
    // Those of a window of 3 or 7 pixels of 3 channels.
    if (has_segments(kLayout) && kRows == kMostRows && of.rows - row == 9) {
      return multiply_block<V, 9, kVectors, kLayout, kAdd>(of.below(row_stride_of<kLayout>(of), row));
    }
    // Where rows are channels they are a multiple of 8.
    constexpr int kFewer = kRows > 8 ? 8 : kRows > 4 ? 4 : kRows / 2;
    if (row < of.rows) multiply_rows<V, kFewer, kVectors, kLayout, kAdd>(of.below(row_stride_of<kLayout>(of), row));
  }
}

// kVectors of columns at a time, fewer at the end.
template <typename V, int kVectors, Layout kLayout, bool kAdd, typename T, typename C, typename B>
void multiply_columns(const Product<T, C, B>& of) {
  constexpr int kLanes = sizeof(V) / sizeof(Arithmetic<T>), kRows = kSumVectors / kVectors;
  int64_t column = 0;
  for (; column + kVectors * kLanes <= of.columns; column += kVectors * kLanes) {
    multiply_rows<V, kRows < kMostRows ? kRows : kMostRows, kVectors, kLayout, kAdd>(of.right_of(column));
  }
  if (column == of.columns) return;
  const Product<T, C, B> rest = of.right_of(column);
  if constexpr (kVectors > 1) multiply_columns<V, kVectors - 1, kLayout, kAdd>(rest);
  else if constexpr (kLanes > kColumnBlock) multiply_columns<Vector<Arithmetic<T>, kColumnBlock>, 1, kLayout, kAdd>(rest);
}

// c = a b, or c += a b; the columns are a multiple of kColumnBlock.
template <Layout kLayout, bool kAdd, typename T, typename C, typename B>
PEA_INLINE void multiply_matrices(const Product<T, C, B>& of) {
  multiply_columns<Vector<Arithmetic<T>>, kRowVectors, kLayout, kAdd>(of);
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
