// Bilinear interpolation of RGB bytes.
#pragma once

#include <cstdint>

namespace pea {

// Along one axis: the two input pixels that make up each output pixel, and the share of the second one. A share below 0
// stands for an output pixel that shows nothing: it becomes black.
struct Taps {
  const int32_t* first;
  const int32_t* second;
  const float* share;
  uint32_t count;
};

// out[y][x] is made of the pixels (rows.first[y] or rows.second[y], columns.first[x] or columns.second[x]) of `pixels`,
// whose rows are `width` pixels long; each byte rounded to the nearest.
void blend(const uint8_t* pixels, uint32_t width, const Taps& rows, const Taps& columns, uint8_t* out);

}  // namespace pea
