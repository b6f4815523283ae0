// The functions of blend.h, crc32c.h, jpeg.h and turn.h for JavaScript. src/data/streaming/native.ts is the only caller and checks its
// arguments; what it hands over must be typed arrays of the right length.
#include <node_api.h>

#include <cstring>
#include <string>

#include "blend.h"
#include "crc32c.h"
#include "jpeg.h"
#include "turn.h"

namespace pea {
namespace {

template <size_t kCount>
struct Arguments {
  napi_value values[kCount];

  Arguments(napi_env env, napi_callback_info info) {
    size_t count = kCount;
    napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  }
};

struct Array {
  void* data = nullptr;
  size_t length = 0;
};

Array to_array(napi_env env, napi_value value) {
  Array array;
  napi_get_typedarray_info(env, value, nullptr, &array.length, &array.data, nullptr, nullptr);
  return array;
}

Bytes to_bytes(napi_env env, napi_value value) {
  const Array array = to_array(env, value);
  return {static_cast<uint8_t*>(array.data), array.length};
}

uint32_t to_uint(napi_env env, napi_value value) {
  uint32_t number = 0;
  napi_get_value_uint32(env, value, &number);
  return number;
}

napi_value throw_error(napi_env env, const std::string& message) {
  napi_throw_error(env, nullptr, message.c_str());
  return nullptr;
}

// jpegSize(encoded): [width, height], or null for what another decoder may know
napi_value call_jpeg_size(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  std::string problem;
  const JpegSize size = jpeg_size(to_bytes(env, arguments.values[0]), problem);
  if (size.kind == JpegKind::kDamaged) return throw_error(env, problem);
  napi_value result, width, height;
  if (size.kind == JpegKind::kOther) {
    napi_get_null(env, &result);
    return result;
  }
  napi_create_array_with_length(env, 2, &result);
  napi_create_uint32(env, size.width, &width);
  napi_create_uint32(env, size.height, &height);
  napi_set_element(env, result, 0, width);
  napi_set_element(env, result, 1, height);
  return result;
}

// decodeJpeg(encoded, left, top, width, height, out)
napi_value call_decode_jpeg(napi_env env, napi_callback_info info) {
  const Arguments<6> arguments(env, info);
  const auto& values = arguments.values;
  const Window window{to_uint(env, values[1]), to_uint(env, values[2]), to_uint(env, values[3]),
                      to_uint(env, values[4])};
  const Bytes out = to_bytes(env, values[5]);
  if (out.length < size_t{3} * window.width * window.height) return throw_error(env, "the output is too small");
  std::string problem;
  if (!decode_jpeg(to_bytes(env, values[0]), window, out.data, problem)) return throw_error(env, problem);
  return nullptr;
}

Taps to_taps(napi_env env, const napi_value* values) {
  const Array first = to_array(env, values[0]), second = to_array(env, values[1]), share = to_array(env, values[2]);
  return {static_cast<const int32_t*>(first.data), static_cast<const int32_t*>(second.data),
          static_cast<const float*>(share.data), static_cast<uint32_t>(share.length)};
}

// blend(pixels, width, rows.first, rows.second, rows.share, columns.first, columns.second, columns.share, out)
napi_value call_blend(napi_env env, napi_callback_info info) {
  const Arguments<9> arguments(env, info);
  const auto& values = arguments.values;
  const Taps rows = to_taps(env, values + 2), columns = to_taps(env, values + 5);
  blend(to_bytes(env, values[0]).data, to_uint(env, values[1]), rows, columns, to_bytes(env, values[8]).data);
  return nullptr;
}

// turn(pixels, width, height, orientation, out)
napi_value call_turn(napi_env env, napi_callback_info info) {
  const Arguments<5> arguments(env, info);
  const auto& values = arguments.values;
  turn(to_bytes(env, values[0]).data, to_uint(env, values[1]), to_uint(env, values[2]), to_uint(env, values[3]),
       to_bytes(env, values[4]).data);
  return nullptr;
}

// crc32c(bytes)
napi_value call_crc32c(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const Bytes bytes = to_bytes(env, arguments.values[0]);
  napi_value result;
  napi_create_uint32(env, crc32c(bytes.data, bytes.length), &result);
  return result;
}

napi_value initialize(napi_env env, napi_value exports) {
  const auto add = [&](const char* name, napi_callback callback) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  };
  add("jpegSize", call_jpeg_size);
  add("decodeJpeg", call_decode_jpeg);
  add("blend", call_blend);
  add("turn", call_turn);
  add("crc32c", call_crc32c);
  return exports;
}

}  // namespace
}  // namespace pea

NAPI_MODULE_INIT() { return pea::initialize(env, exports); }
