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

// The same, or null where unwrap_tensor throws.
const at::Tensor* find_tensor(napi_env env, napi_value value);

// Releases the native tensor now; later uses of the handle throw. Disposing twice does nothing.
void dispose_tensor(napi_env env, napi_value value);

// Says whether a scope is open, which frees what is made inside. V8 hears of what is left of it at its end: the
// hundreds of megabytes that come and go with each training step would make it mark its whole heap again and again,
// on processors that the operators need.
void set_in_scope(napi_env env, bool inside);

struct MemoryStats {
  int64_t tensors;
  int64_t bytes;
};

// Live handles of this process and the bytes of storage that they alone own.
MemoryStats memory_stats();

}  // namespace pea
