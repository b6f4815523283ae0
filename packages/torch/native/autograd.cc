#include "autograd.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "arguments.h"
#include "convert.h"
#include "handle.h"

namespace pea {
namespace {

bool to_bool(napi_env env, napi_value value) {
  bool result = false;
  napi_get_value_bool(env, value, &result);
  return result;
}

napi_value to_boolean(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

bool is_null(napi_env env, napi_value value) {
  napi_valuetype type;
  napi_typeof(env, value, &type);
  return type == napi_null || type == napi_undefined;
}

std::vector<at::Tensor> optional_tensors(napi_env env, napi_value value) {
  return is_null(env, value) ? std::vector<at::Tensor>() : to_tensors(env, value);
}

}  // namespace

napi_value get_requires_grad(napi_env env, napi_callback_info info) {
  return guarded(env, [&] { return to_boolean(env, unwrap_tensor(env, Arguments<1>(env, info)[0]).requires_grad()); });
}

napi_value set_requires_grad(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    unwrap_tensor(env, args[0]).requires_grad_(to_bool(env, args[1]));
    return static_cast<napi_value>(nullptr);
  });
}

napi_value is_leaf(napi_env env, napi_callback_info info) {
  return guarded(env, [&] { return to_boolean(env, unwrap_tensor(env, Arguments<1>(env, info)[0]).is_leaf()); });
}

napi_value get_grad(napi_env env, napi_callback_info info) {
  return guarded(env, [&] { return wrap_tensor(env, unwrap_tensor(env, Arguments<1>(env, info)[0]).grad()); });
}

napi_value set_grad(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    at::Tensor tensor = unwrap_tensor(env, args[0]);
    tensor.mutable_grad() = is_null(env, args[1]) ? at::Tensor() : unwrap_tensor(env, args[1]);
    return static_cast<napi_value>(nullptr);
  });
}

napi_value get_grads(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const std::vector<at::Tensor> tensors = to_tensors(env, Arguments<1>(env, info)[0]);
    napi_value result;
    napi_create_array_with_length(env, tensors.size(), &result);
    for (uint32_t i = 0; i < tensors.size(); i++) napi_set_element(env, result, i, wrap_tensor(env, tensors[i].grad()));
    return result;
  });
}

napi_value clear_grads(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    for (const at::Tensor& tensor : to_tensors(env, Arguments<1>(env, info)[0])) tensor.mutable_grad().reset();
    return static_cast<napi_value>(nullptr);
  });
}

napi_value grad_enabled(napi_env env, napi_callback_info) {
  return guarded(env, [&] { return to_boolean(env, c10::GradMode::is_enabled()); });
}

napi_value set_grad_enabled(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    c10::GradMode::set_enabled(to_bool(env, Arguments<1>(env, info)[0]));
    return static_cast<napi_value>(nullptr);
  });
}

napi_value backward(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<4> args(env, info);
    torch::autograd::backward(to_tensors(env, args[0]), optional_tensors(env, args[1]), to_bool(env, args[2]), to_bool(env, args[3]));
    return static_cast<napi_value>(nullptr);
  });
}

napi_value grad(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<6> args(env, info);
    const auto gradients = torch::autograd::grad(to_tensors(env, args[0]), to_tensors(env, args[1]), optional_tensors(env, args[2]),
                                                 to_bool(env, args[3]), to_bool(env, args[4]), to_bool(env, args[5]));
    napi_value result;
    napi_create_array_with_length(env, gradients.size(), &result);
    for (uint32_t i = 0; i < gradients.size(); i++) napi_set_element(env, result, i, wrap_tensor(env, gradients[i]));
    return result;
  });
}

}  // namespace pea
