#include "handle.h"

#include <atomic>

namespace pea {
namespace {

constexpr uint64_t kMagic = 0x70656174656e736fULL;

struct Handle {
  uint64_t magic = kMagic;
  at::Tensor tensor;
  int64_t bytes = 0;
};

std::atomic<int64_t> live_tensors{0};
std::atomic<int64_t> live_bytes{0};

// A view shares its storage with another handle, which already accounts for it.
int64_t owned_bytes(const at::Tensor& tensor) {
  if (!tensor.has_storage() || tensor.storage().use_count() > 1) return 0;
  return static_cast<int64_t>(tensor.storage().nbytes());
}

// Of the JavaScript environment, which has a thread of its own.
thread_local bool in_scope = false;
thread_local int64_t unreported_bytes = 0;

void report_to_v8(napi_env env) {
  if (unreported_bytes == 0) return;
  int64_t total;
  napi_adjust_external_memory(env, unreported_bytes, &total);
  unreported_bytes = 0;
}

void account(napi_env env, int64_t bytes) {
  if (bytes == 0) return;
  live_bytes += bytes;
  unreported_bytes += bytes;
  if (!in_scope) report_to_v8(env);
}

void release(napi_env env, Handle* handle) {
  if (!handle->tensor.defined()) return;
  handle->tensor.reset();
  account(env, -handle->bytes);
  live_tensors--;
}

void finalize(napi_env env, void* data, void*) {
  auto* handle = static_cast<Handle*>(data);
  release(env, handle);
  handle->magic = 0;
  delete handle;
}

Handle* handle_of(napi_env env, napi_value value) {
  void* data = nullptr;
  if (napi_get_value_external(env, value, &data) != napi_ok) return nullptr;
  auto* handle = static_cast<Handle*>(data);
  return handle != nullptr && handle->magic == kMagic ? handle : nullptr;
}

}  // namespace

napi_value wrap_tensor(napi_env env, at::Tensor tensor) {
  napi_value result;
  if (!tensor.defined()) {
    napi_get_null(env, &result);
    return result;
  }
  auto* handle = new Handle;
  handle->bytes = owned_bytes(tensor);
  handle->tensor = std::move(tensor);
  if (napi_create_external(env, handle, finalize, nullptr, &result) != napi_ok) {
    delete handle;
    TORCH_CHECK(false, "cannot create a tensor handle: the JavaScript environment is shutting down");
  }
  live_tensors++;
  account(env, handle->bytes);
  return result;
}

const at::Tensor& unwrap_tensor(napi_env env, napi_value value) {
  Handle* handle = handle_of(env, value);
  TORCH_CHECK(handle != nullptr, "expected a tensor");
  TORCH_CHECK(handle->tensor.defined(), "the tensor was disposed of");
  return handle->tensor;
}

const at::Tensor* find_tensor(napi_env env, napi_value value) {
  Handle* handle = handle_of(env, value);
  return handle != nullptr && handle->tensor.defined() ? &handle->tensor : nullptr;
}

void dispose_tensor(napi_env env, napi_value value) {
  if (Handle* handle = handle_of(env, value)) release(env, handle);
}

void set_in_scope(napi_env env, bool inside) {
  in_scope = inside;
  if (!inside) report_to_v8(env);
}

MemoryStats memory_stats() { return {live_tensors.load(), live_bytes.load()}; }

}  // namespace pea
