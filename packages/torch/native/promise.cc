#include "promise.h"

#include <memory>
#include <optional>

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

struct Background {
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
  std::function<MakeValue()> body;
  MakeValue make;
  std::optional<std::string> failure;
};

void run_background(napi_env, void* data) {
  auto& task = *static_cast<Background*>(data);
  try {
    task.make = task.body();
  } catch (const c10::Error& error) {
    task.failure = brief(error.what_without_backtrace());
  } catch (const std::exception& error) {
    task.failure = brief(error.what());
  } catch (...) {
    task.failure = "unknown native error";
  }
}

void end_background(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Background> task(static_cast<Background*>(data));
  settle(env, task->deferred, task->make, task->failure);
  napi_delete_async_work(env, task->work);
}

struct Awaited {
  napi_deferred deferred = nullptr;
  MakeValue make;
  std::optional<std::string> failure;
};

void end_awaited(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Awaited> awaited(static_cast<Awaited*>(data));
  if (env != nullptr) settle(env, awaited->deferred, awaited->make, awaited->failure);
}

napi_value name_of(napi_env env) { return to_js(env, std::string("pea_torch")); }

}  // namespace

napi_value in_background(napi_env env, std::function<MakeValue()> body) {
  auto task = std::make_unique<Background>();
  task->body = std::move(body);
  napi_value promise;
  napi_create_promise(env, &task->deferred, &promise);
  napi_create_async_work(env, nullptr, name_of(env), run_background, end_background, task.get(), &task->work);
  napi_queue_async_work(env, task.release()->work);
  return promise;
}

napi_value when_done(napi_env env, c10::intrusive_ptr<c10::ivalue::Future> future, MakeValue make) {
  auto* awaited = new Awaited;
  awaited->make = std::move(make);
  napi_value promise;
  napi_create_promise(env, &awaited->deferred, &promise);
  napi_threadsafe_function wake;
  napi_create_threadsafe_function(env, nullptr, nullptr, name_of(env), 0, 1, nullptr, nullptr, nullptr, end_awaited, &wake);
  future->addCallback([awaited, wake](c10::ivalue::Future& done) {
    if (done.hasError()) awaited->failure = brief(done.tryRetrieveErrorMessage().c_str());
    napi_call_threadsafe_function(wake, awaited, napi_tsfn_nonblocking);
    napi_release_threadsafe_function(wake, napi_tsfn_release);
  });
  return promise;
}

}  // namespace pea
