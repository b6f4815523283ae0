// JavaScript values <-> IValues, directed by the operator's schema.
#pragma once

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#include <node_api.h>

#include <string>
#include <vector>

namespace pea {

// Converts one argument; throws c10::Error naming the argument, its type, and the value given.
c10::IValue to_ivalue(napi_env env, napi_value value, const c10::Argument& argument);

// Tensors become handles, lists and tuples arrays, None null; 64-bit integers beyond 2^53 become BigInt.
napi_value to_js(napi_env env, const c10::IValue& value);

// "float32", "int64", … ; throws for an unknown name.
at::ScalarType parse_dtype(const std::string& name);
const char* dtype_name(at::ScalarType dtype);

std::string to_string(napi_env env, napi_value value);
napi_value to_js(napi_env env, const std::string& text);
int64_t to_int(napi_env env, napi_value value, const char* what);
std::vector<int64_t> to_shape(napi_env env, napi_value value);
std::vector<at::Tensor> to_tensors(napi_env env, napi_value value);

// How a value looks in an error message: `float32[2, 3]`, `"text"`, `NaN`.
std::string describe(napi_env env, napi_value value);

// Of several: what stands between the brackets of a list.
std::string describe(napi_env env, const napi_value* values, size_t count);

}  // namespace pea
