// The one door to libtorch: operators found by name in the dispatcher and called boxed.
#pragma once

#include <node_api.h>

namespace pea {

// resolve(name) -> id. `aten::conv2d` or, with an overload, `aten::sum.dim_IntList`.
napi_value resolve_operator(napi_env env, napi_callback_info info);

// call(id, args) -> result. Omitted trailing arguments take the schema's defaults.
napi_value call_operator(napi_env env, napi_callback_info info);

// schema(name) -> the operator's signature as text.
napi_value operator_schema(napi_env env, napi_callback_info info);

}  // namespace pea
