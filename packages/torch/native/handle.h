// A JavaScript external that owns one at::Tensor.
#pragma once

#include <ATen/core/Tensor.h>
#include <node_api.h>

namespace pea {

// Wraps a tensor for JavaScript; an undefined tensor becomes null. Native bytes are reported to V8 so that
// tensors nobody disposed of create pressure to collect them.
napi_value wrap_tensor(napi_env env, at::Tensor tensor);

// The tensor behind an external made by wrap_tensor; throws c10::Error for anything else or a disposed tensor.
const at::Tensor& unwrap_tensor(napi_env env, napi_value value);

// True when the value is an external made by wrap_tensor that is not disposed.
bool is_tensor(napi_env env, napi_value value);

// Releases the native tensor now; later uses of the handle throw. Disposing twice does nothing.
void dispose_tensor(napi_env env, napi_value value);

struct MemoryStats {
  int64_t tensors;
  int64_t bytes;
};

// Live handles of this process and the bytes of storage that they alone own.
MemoryStats memory_stats();

}  // namespace pea
