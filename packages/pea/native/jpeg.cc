#include "jpeg.h"

#include <cstdio>
// jpeglib.h relies on the header above.
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <vector>

namespace pea {
namespace {

// What the decoder says goes here, and an error leaves it by a jump. So the functions with the jump's target make no
// object that has a destructor, and what they change and read after a jump belongs to their callers.
struct ErrorHandler {
  jpeg_error_mgr manager;
  jmp_buf target;
  char message[JMSG_LENGTH_MAX];
};

void leave(j_common_ptr info) {
  auto* handler = reinterpret_cast<ErrorHandler*>(info->err);
  handler->manager.format_message(info, handler->message);
  longjmp(handler->target, 1);
}

// Warnings that pixels are lost are errors; the others (bytes between segments, unknown headers) harm nothing.
void judge_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
      leave(info);
  }
}

bool starts_as_jpeg(Bytes encoded) {
  return encoded.length >= 3 && encoded.data[0] == 0xff && encoded.data[1] == 0xd8 && encoded.data[2] == 0xff;
}

bool converts_to_rgb(const jpeg_decompress_struct& info) {
  const J_COLOR_SPACE space = info.jpeg_color_space;
  return info.data_precision == 8 && (space == JCS_YCbCr || space == JCS_GRAYSCALE || space == JCS_RGB);
}

// Whether the image's end lies in what has not been read, or has just been read. A marker of an embedded thumbnail
// does not count: it lies in the header.
bool has_end(const jpeg_decompress_struct& info, Bytes encoded) {
  const uint8_t* const last = encoded.data + encoded.length;
  const uint8_t* const next = info.src->next_input_byte;
  for (const uint8_t* at = last - 2; at >= encoded.data && at >= next - 2; --at)
    if (at[0] == 0xff && at[1] == JPEG_EOI) return true;
  return false;
}

// Pixels around a window that those in it may depend on: colour is stored at half the resolution and interpolated.
// A multiple of all sizes that blocks come in.
constexpr uint32_t kMargin = 32;

// The decoder and what it works with.
struct Decoder {
  jpeg_decompress_struct info;
  ErrorHandler handler;
  std::vector<uint8_t> row;

  Decoder() {
    info.err = jpeg_std_error(&handler.manager);
    handler.manager.error_exit = leave;
    handler.manager.emit_message = judge_message;
    handler.message[0] = 0;
    info.mem = nullptr;  // Until it is created there is nothing to destroy.
  }
  ~Decoder() { jpeg_destroy_decompress(&info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
};

bool read_header(Decoder& decoder, Bytes encoded) {
  if (setjmp(decoder.handler.target) != 0) return false;
  jpeg_create_decompress(&decoder.info);
  jpeg_mem_src(&decoder.info, encoded.data, encoded.length);
  jpeg_read_header(&decoder.info, TRUE);
  return true;
}

bool read_window(Decoder& decoder, Window window, uint8_t* out) {
  if (setjmp(decoder.handler.target) != 0) return false;
  jpeg_decompress_struct& info = decoder.info;
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  JDIMENSION left = window.left > kMargin ? window.left - kMargin : 0;
  JDIMENSION width = std::min(window.left + window.width + kMargin, info.output_width) - left;
  if (width < info.output_width) jpeg_crop_scanline(&info, &left, &width);
  decoder.row.resize(size_t{3} * info.output_width);
  if (window.top > kMargin) jpeg_skip_scanlines(&info, window.top - kMargin);
  const size_t length = size_t{3} * window.width;
  while (info.output_scanline < window.top + window.height) {
    const JDIMENSION line = info.output_scanline;
    JSAMPROW rows[] = {decoder.row.data()};
    jpeg_read_scanlines(&info, rows, 1);
    if (line < window.top) continue;
    std::memcpy(out + (line - window.top) * length, decoder.row.data() + 3 * (window.left - left), length);
  }
  return true;
}

}  // namespace

JpegSize jpeg_size(Bytes encoded, std::string& problem) {
  if (!starts_as_jpeg(encoded)) return {JpegKind::kOther, 0, 0};
  Decoder decoder;
  if (!read_header(decoder, encoded)) {
    problem = decoder.handler.message;
    return {JpegKind::kDamaged, 0, 0};
  }
  const JpegKind kind = converts_to_rgb(decoder.info) ? JpegKind::kReadable : JpegKind::kOther;
  return {kind, decoder.info.image_width, decoder.info.image_height};
}

bool decode_jpeg(Bytes encoded, Window window, uint8_t* out, std::string& problem) {
  Decoder decoder;
  if (!read_header(decoder, encoded) || !read_window(decoder, window, out)) {
    problem = decoder.handler.message;
    return false;
  }
  if (has_end(decoder.info, encoded)) return true;
  problem = "Premature end of JPEG file";
  return false;
}

}  // namespace pea
