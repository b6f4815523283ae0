#include "runtime.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include <mutex>

#include "allocator.h"
#include "arguments.h"
#include "convert.h"
#include "device.h"
#include "handle.h"
#include "version.h"

namespace pea {
namespace {

// The generator that operators on a device draw from, unless they are given another.
at::Generator default_generator(c10::Device device) { return at::globalContext().defaultGenerator(device); }

void seed_generator(c10::Device device, uint64_t seed) {
  at::Generator generator = default_generator(device);
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seed);
}

void set_property(napi_env env, napi_value object, const char* name, const std::string& value) {
  napi_set_named_property(env, object, name, to_js(env, value));
}

// Autocast's cache of cast weights lives as long as the outermost region of this thread.
void autocast_leave() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

// Every change goes to both, so the state of the first stands for both.
constexpr at::DeviceType kAutocastDevices[] = {at::kCPU, at::kCUDA};

napi_value autocast_state(napi_env env) {
  const at::DeviceType device = kAutocastDevices[0];
  if (autocast_enabled(device)) return to_js(env, std::string(dtype_name(autocast_dtype(device))));
  napi_value none;
  napi_get_null(env, &none);
  return none;
}

void autocast_set(napi_env env, napi_value dtype) {
  napi_valuetype type;
  napi_typeof(env, dtype, &type);
  if (type == napi_null || type == napi_undefined) {
    for (const auto device : kAutocastDevices) set_autocast_enabled(device, false);
    return;
  }
  TORCH_CHECK(type == napi_string && to_string(env, dtype) == "bfloat16",
              "the dtype must be \"bfloat16\" or null (off), got ", describe(env, dtype));
  for (const auto device : kAutocastDevices) {
    set_autocast_dtype(device, at::kBFloat16);
    set_autocast_enabled(device, true);
  }
}

}  // namespace

napi_value manual_seed(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    // 64 bits as they are: JavaScript passes an unsigned seed by its signed twin.
    const auto seed = static_cast<uint64_t>(to_int(env, Arguments<1>(env, info)[0], "a seed"));
    seed_generator(at::kCPU, seed);
    const int gpus = cuda().empty() ? at::detail::getCUDAHooks().getNumGPUs() : 0;
    for (int gpu = 0; gpu < gpus; gpu++) seed_generator({at::kCUDA, static_cast<c10::DeviceIndex>(gpu)}, seed);
    return static_cast<napi_value>(nullptr);
  });
}

napi_value rng_state(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    at::Generator generator = default_generator(parse_device(to_string(env, Arguments<1>(env, info)[0])));
    const std::lock_guard<std::mutex> lock(generator.mutex());
    return wrap_tensor(env, generator.get_state());
  });
}

napi_value set_rng_state(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    const at::Tensor& state = unwrap_tensor(env, args[0]);
    at::Generator generator = default_generator(parse_device(to_string(env, args[1])));
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state);
    return static_cast<napi_value>(nullptr);
  });
}

napi_value num_threads(napi_env env, napi_callback_info) {
  napi_value result;
  napi_create_int32(env, at::get_num_threads(), &result);
  return result;
}

napi_value set_num_threads(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const int64_t count = to_int(env, Arguments<1>(env, info)[0], "the number of threads");
    TORCH_CHECK(count >= 1 && count <= 1024, "the number of threads must be between 1 and 1024, got ", count);
    at::set_num_threads(static_cast<int>(count));
    return static_cast<napi_value>(nullptr);
  });
}

napi_value autocast_begin(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<1> args(env, info);
    const napi_value previous = autocast_state(env);
    autocast_set(env, args[0]);
    at::autocast::increment_nesting();
    return previous;
  });
}

napi_value autocast_end(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    autocast_leave();
    autocast_set(env, Arguments<1>(env, info)[0]);
    return static_cast<napi_value>(nullptr);
  });
}

napi_value load_library(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const std::string path = to_string(env, Arguments<1>(env, info)[0]);
    TORCH_CHECK(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr, "cannot load the operator library ", path, ": ", dlerror());
    return static_cast<napi_value>(nullptr);
  });
}

napi_value cuda_is_available(napi_env env, napi_callback_info) {
  return guarded(env, [&] {
    napi_value result;
    napi_get_boolean(env, cuda().empty(), &result);
    return result;
  });
}

napi_value engine_info(napi_env env, napi_callback_info) {
  return guarded(env, [&] {
    napi_value result;
    napi_create_object(env, &result);
    set_property(env, result, "version", TORCH_VERSION);
    set_property(env, result, "libraries", engine_folder());
    set_property(env, result, "config", at::show_config());
    set_property(env, result, "parallel", at::get_parallel_info());
    set_property(env, result, "allocator", allocator_name());
    return result;
  });
}

napi_value release_cache(napi_env env, napi_callback_info) {
  return guarded(env, [&] {
    empty_cache();
    return static_cast<napi_value>(nullptr);
  });
}

}  // namespace pea
