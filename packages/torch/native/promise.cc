#include "promise.h"

#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "arguments.h"
#include "convert.h"

namespace pea {
namespace {

// Settles a promise, on JavaScript's thread: with the value, or with what failed before or fails while it is made.
void settle(napi_env env, napi_deferred deferred, const MakeValue& make, std::optional<std::string> failure) {
  napi_value value = nullptr;
  if (!failure) {
    try {
      value = make(env);
    } catch (const c10::Error& error) {
      failure = brief(error.what_without_backtrace());
    } catch (const std::exception& error) {
      failure = brief(error.what());
    }
  }
  if (!failure) {
    if (value == nullptr) napi_get_undefined(env, &value);
    napi_resolve_deferred(env, deferred, value);
    return;
  }
  napi_value error;
  napi_create_error(env, nullptr, to_js(env, *failure), &error);
  napi_reject_deferred(env, deferred, error);
}

// What a promise waits for, and what then wakes JavaScript's thread.
struct Awaited {
  napi_deferred deferred = nullptr;
  napi_threadsafe_function wake = nullptr;
  MakeValue make;
  std::optional<std::string> failure;
};

// Held while JavaScript's thread is woken, and while it is told not to be.
std::mutex waking;

// Before the environment ends: a thread that comes later wakes nobody.
void let_sleep(void* data) {
  const std::lock_guard<std::mutex> lock(waking);
  static_cast<Awaited*>(data)->wake = nullptr;
}

void end_awaited(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Awaited> awaited(static_cast<Awaited*>(data));
  // The thread that woke this one still has to let go of the function, which the end of the environment would free under it.
  { const std::lock_guard<std::mutex> lock(waking); }
  if (env == nullptr) return;
  napi_remove_env_cleanup_hook(env, let_sleep, data);
  settle(env, awaited->deferred, awaited->make, awaited->failure);
}

napi_value begin(napi_env env, Awaited& awaited) {
  napi_value promise;
  napi_create_promise(env, &awaited.deferred, &promise);
  napi_create_threadsafe_function(env, nullptr, nullptr, to_js(env, std::string("pea_torch")), 0, 1, nullptr, nullptr, nullptr,
                                  end_awaited, &awaited.wake);
  napi_add_env_cleanup_hook(env, let_sleep, &awaited);
  return promise;
}

// In whichever thread; `awaited` is gone soon after.
void end(Awaited* awaited) {
  const std::lock_guard<std::mutex> lock(waking);
  const auto wake = awaited->wake;
  if (wake == nullptr) return;
  napi_call_threadsafe_function(wake, awaited, napi_tsfn_nonblocking);
  napi_release_threadsafe_function(wake, napi_tsfn_release);
}

void run(Awaited* awaited, std::function<MakeValue()> body) {
  try {
    awaited->make = body();
  } catch (const c10::Error& error) {
    awaited->failure = brief(error.what_without_backtrace());
  } catch (const std::exception& error) {
    awaited->failure = brief(error.what());
  } catch (...) {
    awaited->failure = "unknown native error";
  }
  body = nullptr;  // With what it holds: whoever awaits it may close that next.
  end(awaited);
}

}  // namespace

napi_value in_background(napi_env env, std::function<MakeValue()> body, bool is_awaited) {
  auto* awaited = new Awaited;
  const napi_value promise = begin(env, *awaited);
  if (!is_awaited) napi_unref_threadsafe_function(env, awaited->wake);
  std::thread(run, awaited, std::move(body)).detach();
  return promise;
}

napi_value when_done(napi_env env, c10::intrusive_ptr<c10::ivalue::Future> future, MakeValue make) {
  auto* awaited = new Awaited;
  awaited->make = std::move(make);
  const napi_value promise = begin(env, *awaited);
  future->addCallback([awaited](c10::ivalue::Future& done) {
    if (done.hasError()) awaited->failure = brief(done.tryRetrieveErrorMessage().c_str());
    end(awaited);
  });
  return promise;
}

}  // namespace pea
