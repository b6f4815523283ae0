// Tensor metadata and the passage between tensors and typed arrays.
#pragma once

#include <node_api.h>

namespace pea {

napi_value tensor_shape(napi_env env, napi_callback_info info);           // (tensor) -> number[]
napi_value tensor_strides(napi_env env, napi_callback_info info);         // (tensor) -> number[]
napi_value tensor_dtype(napi_env env, napi_callback_info info);           // (tensor) -> string
napi_value tensor_device(napi_env env, napi_callback_info info);          // (tensor) -> string
napi_value tensor_count_up(napi_env env, napi_callback_info info);        // (tensor): one more, not recorded for backward
napi_value tensor_is_contiguous(napi_env env, napi_callback_info info);   // (tensor, memoryFormat) -> boolean
napi_value tensor_item(napi_env env, napi_callback_info info);            // (tensor) -> number | bigint | boolean
napi_value tensor_dispose(napi_env env, napi_callback_info info);         // (tensor)
napi_value tensor_same(napi_env env, napi_callback_info info);            // (a, b) -> boolean: one native tensor?
napi_value tensor_from_bytes(napi_env env, napi_callback_info info);      // (typedArray, dtype, shape) -> tensor
napi_value tensor_to_bytes(napi_env env, napi_callback_info info);        // (tensor, dtype) -> ArrayBuffer, row-major
napi_value tensor_copy_bytes(napi_env env, napi_callback_info info);      // (tensor, typedArray): fill in place
napi_value tensor_set_in_scope(napi_env env, napi_callback_info info);    // (inside): whether a scope is open
napi_value tensor_memory_stats(napi_env env, napi_callback_info info);    // () -> [tensors, bytes, blocks in use, blocks cached]

}  // namespace pea
