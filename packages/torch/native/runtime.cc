#include "runtime.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
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

at::Generator cpu_generator() { return at::detail::getDefaultCPUGenerator(); }

void set_property(napi_env env, napi_value object, const char* name, const std::string& value) {
  napi_set_named_property(env, object, name, to_js(env, value));
}

// Autocast's cache of cast weights lives as long as the outermost region of this thread.
void autocast_leave() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

napi_value autocast_state(napi_env env) {
  if (autocast_enabled()) return to_js(env, std::string(dtype_name(autocast_dtype())));
  napi_value none;
  napi_get_null(env, &none);
  return none;
}

void autocast_set(napi_env env, napi_value dtype) {
  napi_valuetype type;
  napi_typeof(env, dtype, &type);
  if (type == napi_null || type == napi_undefined) {
    set_autocast(false, autocast_dtype());
    return;
  }
  const at::ScalarType wanted = parse_dtype(to_string(env, dtype));
  TORCH_CHECK(wanted == at::kBFloat16, "autocast on the CPU knows bfloat16 only, got ", dtype_name(wanted));
  set_autocast(true, wanted);
}

}  // namespace

napi_value manual_seed(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const int64_t seed = to_int(env, Arguments<1>(env, info)[0], "a seed");
    at::Generator generator = cpu_generator();
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(static_cast<uint64_t>(seed));
    return static_cast<napi_value>(nullptr);
  });
}

napi_value rng_state(napi_env env, napi_callback_info) {
  return guarded(env, [&] {
    at::Generator generator = cpu_generator();
    const std::lock_guard<std::mutex> lock(generator.mutex());
    return wrap_tensor(env, generator.get_state());
  });
}

napi_value set_rng_state(napi_env env, napi_callback_info info) {
  return guarded(
      env,
      [&] {
        at::Generator generator = cpu_generator();
        const at::Tensor& state = unwrap_tensor(env, Arguments<1>(env, info)[0]);
        const std::lock_guard<std::mutex> lock(generator.mutex());
        generator.set_state(state);
        return static_cast<napi_value>(nullptr);
      },
      [] { return std::string("setRngState"); });
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
  return guarded(
      env,
      [&] {
        const Arguments<1> args(env, info);
        const napi_value previous = autocast_state(env);
        autocast_set(env, args[0]);
        at::autocast::increment_nesting();
        return previous;
      },
      [] { return std::string("autocast"); });
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
    set_property(env, result, "libraries", TORCH_LIB_DIR);
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
