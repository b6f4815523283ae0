// Promises of JavaScript for what takes its time elsewhere: the event loop goes on meanwhile.
#pragma once

#include <ATen/core/ivalue.h>
#include <node_api.h>

#include <functional>

namespace pea {

// Makes the value that a promise is settled with, on JavaScript's thread. What it holds (tensors) lives until then.
using MakeValue = std::function<napi_value(napi_env)>;

// Runs the body, which may block, in a thread of its own: one that waits without end takes none of libuv's few threads, and the
// process can end nevertheless. A C++ exception rejects the promise. is_awaited: the event loop goes on until it is settled.
napi_value in_background(napi_env env, std::function<MakeValue()> body, bool is_awaited = true);

// Settled when the future is; no thread waits for it.
napi_value when_done(napi_env env, c10::intrusive_ptr<c10::ivalue::Future> future, MakeValue make);

}  // namespace pea
