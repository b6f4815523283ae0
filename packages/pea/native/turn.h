// Images turned as their EXIF orientation says.
#pragma once

#include <cstdint>

namespace pea {

// Copies `pixels`, RGB as stored in rows of `width`, to `out` as they are to be shown: for the orientations 5 to 8 in
// rows of `height`. `orientation` is EXIF's, from 1 to 8.
void turn(const uint8_t* pixels, uint32_t width, uint32_t height, uint32_t orientation, uint8_t* out);

}  // namespace pea
