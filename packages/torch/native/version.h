// Every difference between the supported libtorch versions (1.13 to 2.x) lives in this file.
#pragma once

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/Optional.h>
#include <torch/version.h>

#include <string>

namespace pea {

#if TORCH_VERSION_MAJOR >= 2
template <typename T>
using Optional = std::optional<T>;
#define PEA_ALLOCATE_CONST

inline bool autocast_enabled() { return at::autocast::is_autocast_enabled(at::kCPU); }
inline at::ScalarType autocast_dtype() { return at::autocast::get_autocast_dtype(at::kCPU); }
inline void set_autocast(bool enabled, at::ScalarType dtype) {
  at::autocast::set_autocast_enabled(at::kCPU, enabled);
  at::autocast::set_autocast_dtype(at::kCPU, dtype);
}
#else
template <typename T>
using Optional = c10::optional<T>;
#define PEA_ALLOCATE_CONST const

inline bool autocast_enabled() { return at::autocast::is_cpu_enabled(); }
inline at::ScalarType autocast_dtype() { return at::autocast::get_autocast_cpu_dtype(); }
inline void set_autocast(bool enabled, at::ScalarType dtype) {
  at::autocast::set_cpu_enabled(enabled);
  at::autocast::set_autocast_cpu_dtype(dtype);
}
#endif

}  // namespace pea
