#include "blend.h"

#include <algorithm>
#include <cstring>
#include <vector>

// Compiled for the CPUs there are; the fastest is chosen when the library is loaded.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define PEA_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PEA_CLONES
#endif

namespace pea {
namespace {

// The row between two rows.
PEA_CLONES void blend_rows(const uint8_t* __restrict upper, const uint8_t* __restrict lower, float share,
                           float* __restrict out, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    const float a = upper[i], b = lower[i];
    out[i] = a + share * (b - a);
  }
}

inline void blend_pixels(const float* first, const float* second, float share, uint8_t* out) {
  for (int channel = 0; channel < 3; ++channel) {
    const float a = first[channel], b = second[channel];
    out[channel] = static_cast<uint8_t>(static_cast<int32_t>(a + share * (b - a) + 0.5f));
  }
}

}  // namespace

void blend(const uint8_t* pixels, uint32_t width, const Taps& rows, const Taps& columns, uint8_t* out) {
  // Columns that are used at all: from the least to the greatest tap of those that show something.
  int32_t begin = static_cast<int32_t>(width), end = 0;
  for (uint32_t x = 0; x < columns.count; ++x) {
    if (columns.share[x] < 0) continue;
    begin = std::min(begin, columns.first[x]);
    end = std::max(end, columns.second[x] + 1);
  }
  const size_t length = size_t{3} * columns.count;
  std::vector<float> row(size_t{3} * std::max(0, end - begin));
  for (uint32_t y = 0; y < rows.count; ++y, out += length) {
    if (rows.share[y] < 0 || row.empty()) {
      std::memset(out, 0, length);
      continue;
    }
    const auto at = [&](int32_t line) { return pixels + 3 * (size_t{width} * line + begin); };
    blend_rows(at(rows.first[y]), at(rows.second[y]), rows.share[y], row.data(), row.size());
    for (uint32_t x = 0; x < columns.count; ++x) {
      if (columns.share[x] < 0) std::memset(out + 3 * x, 0, 3);
      else
        blend_pixels(row.data() + 3 * (columns.first[x] - begin), row.data() + 3 * (columns.second[x] - begin),
                     columns.share[x], out + 3 * x);
    }
  }
}

}  // namespace pea
