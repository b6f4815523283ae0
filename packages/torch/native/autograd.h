// Gradients: modes, leaves, and the backward pass.
#pragma once

#include <node_api.h>

namespace pea {

napi_value get_requires_grad(napi_env env, napi_callback_info info);  // (tensor) -> boolean
napi_value set_requires_grad(napi_env env, napi_callback_info info);  // (tensor, boolean)
napi_value is_leaf(napi_env env, napi_callback_info info);            // (tensor) -> boolean
napi_value get_grad(napi_env env, napi_callback_info info);           // (tensor) -> tensor | null
napi_value set_grad(napi_env env, napi_callback_info info);           // (tensor, tensor | null)
napi_value get_grads(napi_env env, napi_callback_info info);          // (tensors) -> (tensor | null)[]
napi_value clear_grads(napi_env env, napi_callback_info info);        // (tensors)
napi_value grad_enabled(napi_env env, napi_callback_info info);       // () -> boolean
napi_value set_grad_enabled(napi_env env, napi_callback_info info);   // (boolean)
napi_value backward(napi_env env, napi_callback_info info);           // (outputs, gradients | null, retainGraph, createGraph)
napi_value grad(napi_env env, napi_callback_info info);               // (outputs, inputs, gradients | null, retainGraph, createGraph, allowUnused) -> (tensor | null)[]

}  // namespace pea
