#include "nccl.h"

#include <dlfcn.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <cstdlib>
#include <mutex>

#include "arguments.h"
#include "convert.h"
#include "device.h"
#include "nccl/pea_nccl.h"

namespace pea {
namespace {

struct Library {
  nccl::GpuName* gpu_name = nullptr;
  nccl::Connect* connect = nullptr;
} library;

std::mutex opening;

// Empty where it is open now.
std::string open(const std::string& path) {
  const std::lock_guard<std::mutex> lock(opening);
  if (library.connect != nullptr) return "";
  // "Control whether or not wait() is blocking" (ProcessGroupNCCL.hpp). Where it is not, the work of NCCL counts as done as soon as
  // it is queued, and a thread of c10d's, the watchdog, answers errors and timeouts by ending the process
  // (TORCH_NCCL_ASYNC_ERROR_HANDLING, 3 by default: SkipCleanUp). Where it is, there is no such thread. Set here, on JavaScript's
  // thread, which reads the environment itself: another's setenv would move it meanwhile.
  setenv("TORCH_NCCL_BLOCKING_WAIT", "1", 0);
  // What it links to is loaded with the engine's CUDA part.
  if (!cuda_library().empty()) return cuda_library();
  void* opened = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) return dlerror();
  const auto gpu_name = reinterpret_cast<nccl::GpuName*>(dlsym(opened, "pea_nccl_gpu_name"));
  const auto connect = reinterpret_cast<nccl::Connect*>(dlsym(opened, "pea_nccl_connect"));
  if (gpu_name == nullptr || connect == nullptr) {
    dlclose(opened);
    return "another version";
  }
  library = {gpu_name, connect};
  return "";
}

Library opened() {
  const std::lock_guard<std::mutex> lock(opening);
  TORCH_CHECK(library.connect != nullptr, "NCCL was not opened");
  return library;
}

}  // namespace

napi_value open_nccl(napi_env env, napi_callback_info info) {
  return guarded(env, [&] { return to_js(env, open(to_string(env, Arguments<1>(env, info)[0]))); });
}

napi_value gpu_name(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const auto device = parse_device(to_string(env, Arguments<1>(env, info)[0]));
    return to_js(env, opened().gpu_name(device));
  });
}

c10::intrusive_ptr<Group> connect_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                       std::chrono::milliseconds timeout, c10::Device device) {
  return opened().connect(store, rank, size, timeout, device);
}

}  // namespace pea
