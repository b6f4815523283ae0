#include "tensor.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cstring>

#include "allocator.h"
#include "arguments.h"
#include "convert.h"
#include "handle.h"

namespace pea {
namespace {

napi_value to_array(napi_env env, at::IntArrayRef values) {
  napi_value result;
  napi_create_array_with_length(env, values.size(), &result);
  for (uint32_t i = 0; i < values.size(); i++) {
    napi_value item;
    napi_create_int64(env, values[i], &item);
    napi_set_element(env, result, i, item);
  }
  return result;
}

napi_value to_boolean(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

struct Bytes {
  void* data = nullptr;
  size_t length = 0;
};

size_t element_size(napi_typedarray_type type) {
  switch (type) {
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 1;
  }
}

Bytes bytes_of(napi_env env, napi_value array) {
  napi_typedarray_type type;
  Bytes bytes;
  size_t count = 0;
  TORCH_CHECK(napi_get_typedarray_info(env, array, &type, &count, &bytes.data, nullptr, nullptr) == napi_ok,
              "expected a typed array, got ", describe(env, array));
  bytes.length = count * element_size(type);
  return bytes;
}

void check_length(const Bytes& bytes, const at::Tensor& tensor) {
  TORCH_CHECK(bytes.length == tensor.nbytes(), "the typed array has ", bytes.length, " bytes, but ",
              dtype_name(tensor.scalar_type()), tensor.sizes(), " needs ", tensor.nbytes());
}

}  // namespace

napi_value tensor_shape(napi_env env, napi_callback_info info) {
  return guarded(env, [&] { return to_array(env, unwrap_tensor(env, Arguments<1>(env, info)[0]).sizes()); });
}

napi_value tensor_strides(napi_env env, napi_callback_info info) {
  return guarded(env, [&] { return to_array(env, unwrap_tensor(env, Arguments<1>(env, info)[0]).strides()); });
}

napi_value tensor_dtype(napi_env env, napi_callback_info info) {
  return guarded(env, [&] { return to_js(env, std::string(dtype_name(unwrap_tensor(env, Arguments<1>(env, info)[0]).scalar_type()))); });
}

napi_value tensor_device(napi_env env, napi_callback_info info) {
  return guarded(env, [&] { return to_js(env, unwrap_tensor(env, Arguments<1>(env, info)[0]).device().str()); });
}

napi_value tensor_count_up(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const at::Tensor& tensor = unwrap_tensor(env, Arguments<1>(env, info)[0]);
    if (tensor.is_cpu() && tensor.scalar_type() == at::kLong && tensor.numel() == 1) {
      ++*tensor.data_ptr<int64_t>();
      tensor.unsafeGetTensorImpl()->bump_version();
    } else {
      const c10::NoGradGuard no_grad;
      tensor.add_(1);
    }
    return static_cast<napi_value>(nullptr);
  });
}

napi_value tensor_is_contiguous(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    const at::Tensor& tensor = unwrap_tensor(env, args[0]);
    const std::string format = to_string(env, args[1]);
    if (format == "contiguous") return to_boolean(env, tensor.is_contiguous());
    TORCH_CHECK(format == "channels_last", "unknown memory format \"", format, "\"; known: contiguous, channels_last");
    return to_boolean(env, tensor.is_contiguous(at::MemoryFormat::ChannelsLast));
  });
}

napi_value tensor_item(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const at::Tensor& tensor = unwrap_tensor(env, Arguments<1>(env, info)[0]);
    TORCH_CHECK(tensor.numel() == 1, "needs a tensor of one element, got shape ", tensor.sizes());
    return to_js(env, c10::IValue(tensor.item()));
  });
}

napi_value tensor_dispose(napi_env env, napi_callback_info info) {
  dispose_tensor(env, Arguments<1>(env, info)[0]);
  return nullptr;
}

napi_value tensor_same(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    return to_boolean(env, unwrap_tensor(env, args[0]).is_same(unwrap_tensor(env, args[1])));
  });
}

napi_value tensor_from_bytes(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> args(env, info);
    const Bytes bytes = bytes_of(env, args[0]);
    const at::Tensor tensor = at::empty(to_shape(env, args[2]), parse_dtype(to_string(env, args[1])));
    check_length(bytes, tensor);
    if (bytes.length > 0) std::memcpy(tensor.data_ptr(), bytes.data, bytes.length);
    return wrap_tensor(env, tensor);
  });
}

napi_value tensor_to_bytes(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    const at::Tensor rows = unwrap_tensor(env, args[0]).detach().to(at::kCPU, parse_dtype(to_string(env, args[1]))).contiguous();
    void* data = nullptr;
    napi_value buffer;
    TORCH_CHECK(napi_create_arraybuffer(env, rows.nbytes(), &data, &buffer) == napi_ok, "cannot allocate an ArrayBuffer of ",
                rows.nbytes(), " bytes");
    if (rows.nbytes() > 0) std::memcpy(data, rows.data_ptr(), rows.nbytes());
    return buffer;
  });
}

napi_value tensor_copy_bytes(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    const at::Tensor& tensor = unwrap_tensor(env, args[0]);
    const Bytes bytes = bytes_of(env, args[1]);
    check_length(bytes, tensor);
    const c10::NoGradGuard no_grad;
    if (bytes.length > 0) tensor.copy_(at::from_blob(bytes.data, tensor.sizes(), tensor.scalar_type()));
    return static_cast<napi_value>(nullptr);
  });
}

napi_value tensor_set_in_scope(napi_env env, napi_callback_info info) {
  bool inside = false;
  napi_get_value_bool(env, Arguments<1>(env, info)[0], &inside);
  set_in_scope(env, inside);
  return nullptr;
}

napi_value tensor_memory_stats(napi_env env, napi_callback_info) {
  const MemoryStats tensors = memory_stats();
  const AllocatorStats blocks = allocator_stats();
  const int64_t figures[] = {tensors.tensors, tensors.bytes, blocks.in_use, blocks.cached};
  return to_array(env, figures);
}

}  // namespace pea
