// The engine itself: threads, random numbers, autocast, operator libraries, devices.
#pragma once

#include <node_api.h>

namespace pea {

napi_value manual_seed(napi_env env, napi_callback_info info);      // (bigint | number)
napi_value rng_state(napi_env env, napi_callback_info info);        // (device) -> uint8 tensor
napi_value set_rng_state(napi_env env, napi_callback_info info);    // (uint8 tensor, device)
napi_value num_threads(napi_env env, napi_callback_info info);      // () -> number
napi_value set_num_threads(napi_env env, napi_callback_info info);  // (number)
napi_value autocast_begin(napi_env env, napi_callback_info info);   // (dtype | null: off) -> previous dtype | null
napi_value autocast_end(napi_env env, napi_callback_info info);     // (previous dtype | null)
napi_value load_library(napi_env env, napi_callback_info info);     // (path)
napi_value cuda_is_available(napi_env env, napi_callback_info info);// () -> boolean
napi_value release_cache(napi_env env, napi_callback_info info);    // ()
napi_value engine_info(napi_env env, napi_callback_info info);      // () -> { version, config, parallel, allocator, libraries }

}  // namespace pea
