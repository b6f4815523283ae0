// Every difference between the supported libtorch versions (1.13 to 2.x) lives in this file.
#pragma once

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/Optional.h>
#include <torch/version.h>

#include <string>

namespace c10d {
class Backend;
class ProcessGroup;
class Store;
}  // namespace c10d

namespace pea {

#if TORCH_VERSION_MAJOR >= 2
template <typename T>
using Optional = std::optional<T>;
#define PEA_ALLOCATE_CONST

// What Gloo's group, and NCCL's, is derived from.
using Group = c10d::Backend;

inline bool autocast_enabled(at::DeviceType device) { return at::autocast::is_autocast_enabled(device); }
inline void set_autocast_enabled(at::DeviceType device, bool enabled) {
  at::autocast::set_autocast_enabled(device, enabled);
}
inline at::ScalarType autocast_dtype(at::DeviceType device) { return at::autocast::get_autocast_dtype(device); }
inline void set_autocast_dtype(at::DeviceType device, at::ScalarType dtype) {
  at::autocast::set_autocast_dtype(device, dtype);
}

// Debian's 2.6 is built without libuv, which a store's server would run on; the other way to run is in all engines.
template <typename TCPStoreOptions>
void leave_libuv_out(TCPStoreOptions& options) {
  options.useLibUV = false;
}

constexpr bool kGlooSumsBFloat16 = true;
#else
template <typename T>
using Optional = c10::optional<T>;
#define PEA_ALLOCATE_CONST const

using Group = c10d::ProcessGroup;

template <typename TCPStoreOptions>
void leave_libuv_out(TCPStoreOptions&) {}

constexpr bool kGlooSumsBFloat16 = false;

// 1.13 has functions of their own for the CPU; those without a device's name are CUDA's.
inline bool autocast_enabled(at::DeviceType device) {
  return device == at::kCPU ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
}
inline void set_autocast_enabled(at::DeviceType device, bool enabled) {
  device == at::kCPU ? at::autocast::set_cpu_enabled(enabled) : at::autocast::set_enabled(enabled);
}
inline at::ScalarType autocast_dtype(at::DeviceType device) {
  return device == at::kCPU ? at::autocast::get_autocast_cpu_dtype() : at::autocast::get_autocast_gpu_dtype();
}
inline void set_autocast_dtype(at::DeviceType device, at::ScalarType dtype) {
  device == at::kCPU ? at::autocast::set_autocast_cpu_dtype(dtype) : at::autocast::set_autocast_gpu_dtype(dtype);
}
#endif

}  // namespace pea
