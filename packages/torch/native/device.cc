#include "device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <filesystem>

namespace pea {
namespace {

// The addon links libtorch's CPU part alone; the CUDA part registers itself when it is loaded.
std::string load_library() {
  const char* library = TORCH_LIB_DIR "/libtorch_cuda.so";
  if (!std::filesystem::exists(library)) return "this libtorch is built without CUDA; use PyPI's torch (LIBTORCH)";
  if (dlopen(library, RTLD_NOW | RTLD_GLOBAL) == nullptr) return dlerror();
  return "";
}

// Empty when the library is loaded; otherwise why it is not.
const std::string& library() {
  static const std::string reason = load_library();
  return reason;
}

std::string find_gpu() {
  if (!library().empty()) return library();
  return at::detail::getCUDAHooks().getNumGPUs() == 0 ? "no GPU is visible" : "";
}

}  // namespace

void load_cuda() { library(); }

const std::string& cuda() {
  static const std::string reason = find_gpu();
  return reason;
}

c10::Device parse_device(const std::string& name) {
  const c10::Device device(name);
  if (device.is_cuda()) TORCH_CHECK(cuda().empty(), "CUDA is not available: ", cuda());
  return device;
}

}  // namespace pea
