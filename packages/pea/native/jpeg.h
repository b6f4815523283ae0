// Parts of JPEG images, by libjpeg-turbo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pea {

struct Bytes {
  uint8_t* data;
  size_t length;
};

// In pixels from the upper left corner.
struct Window {
  uint32_t left, top, width, height;
};

enum class JpegKind {
  kReadable,
  // No JPEG, or one whose colours are not converted here (CMYK): another decoder may know it.
  kOther,
  kDamaged,
};

struct JpegSize {
  JpegKind kind;
  uint32_t width, height;
};

// Reads the header; `problem` says what is wrong where it is damaged.
JpegSize jpeg_size(Bytes encoded, std::string& problem);

// Decodes one window to RGB, row by row without gaps: the very bytes that decoding the whole image gives there. What
// lies outside of it is passed over as far as the format allows, and rows below it are not looked at, except that the
// file must not end before the image does.
//
// Returns false where the data are damaged; `problem` says how.
bool decode_jpeg(Bytes encoded, Window window, uint8_t* out, std::string& problem);

}  // namespace pea
