#include "turn.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace pea {
namespace {

// How one goes through the stored pixels while going through the shown ones, row by row.
struct Walk {
  // Of the first pixel shown.
  ptrdiff_t start;
  ptrdiff_t right, down;
};

Walk walk_through(ptrdiff_t width, ptrdiff_t height, uint32_t orientation) {
  const ptrdiff_t right_end = width - 1, last_row = width * (height - 1);
  switch (orientation) {
    case 2: return {right_end, -1, width};
    case 3: return {last_row + right_end, -1, -width};
    case 4: return {last_row, 1, -width};
    case 5: return {0, width, 1};
    case 6: return {last_row, -width, 1};
    case 7: return {last_row + right_end, -width, -1};
    case 8: return {right_end, width, -1};
    default: return {0, 1, width};
  }
}

// Rows and columns turned at a time: what is read of either side stays in the cache.
constexpr uint32_t kTile = 64;

}  // namespace

void turn(const uint8_t* pixels, uint32_t width, uint32_t height, uint32_t orientation, uint8_t* out) {
  const Walk walk = walk_through(width, height, orientation);
  const uint32_t shown_width = orientation < 5 ? width : height, shown_height = orientation < 5 ? height : width;
  for (uint32_t top = 0; top < shown_height; top += kTile)
    for (uint32_t left = 0; left < shown_width; left += kTile)
      for (uint32_t y = top; y < std::min(top + kTile, shown_height); ++y) {
        const uint8_t* from = pixels + 3 * (walk.start + y * walk.down + left * walk.right);
        uint8_t* to = out + 3 * (size_t{shown_width} * y + left);
        for (uint32_t x = left; x < std::min(left + kTile, shown_width); ++x, from += 3 * walk.right, to += 3)
          std::memcpy(to, from, 3);
      }
}

}  // namespace pea
