// What every exported function shares: reading its arguments, and turning C++ exceptions into JavaScript's.
#pragma once

#include <c10/util/Exception.h>
#include <node_api.h>

#include <new>
#include <string>

namespace pea {

// The first N arguments of a call; missing ones are undefined.
template <size_t N>
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) {
    size_t count = N;
    napi_get_cb_info(env, info, &count, values_, nullptr, nullptr);
  }
  napi_value operator[](size_t index) const { return values_[index]; }

 private:
  napi_value values_[N];
};

// libtorch's messages carry a C++ source position and a stack; a user of JavaScript needs neither.
std::string brief(const char* message);

void throw_error(napi_env env, const std::string& message);

// Runs the body; an exception becomes a JavaScript Error, prefixed by what was being done. Nothing escapes.
template <typename Body, typename Context>
napi_value guarded(napi_env env, Body&& body, Context&& context) {
  std::string message;
  try {
    return body();
  } catch (const c10::Error& error) {
    message = brief(error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    message = "out of memory";
  } catch (const std::exception& error) {
    message = brief(error.what());
  } catch (...) {
    message = "unknown native error";
  }
  const std::string what = context();
  throw_error(env, what.empty() ? message : what + ": " + message);
  return nullptr;
}

template <typename Body>
napi_value guarded(napi_env env, Body&& body) {
  return guarded(env, std::forward<Body>(body), [] { return std::string(); });
}

}  // namespace pea
