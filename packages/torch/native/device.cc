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
  const std::string library = engine_folder() + "/libtorch_cuda.so";
  if (!std::filesystem::exists(library)) return "this libtorch is built without CUDA; use PyPI's torch (LIBTORCH)";
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) return dlerror();
  return "";
}

std::string find_gpu() {
  if (!cuda_library().empty()) return cuda_library();
  return at::detail::getCUDAHooks().getNumGPUs() == 0 ? "no GPU is visible" : "";
}

}  // namespace

std::string engine_folder() {
  Dl_info info;
  TORCH_CHECK(dladdr(reinterpret_cast<const void*>(&at::globalContext), &info) != 0, "libtorch's file is not known");
  return std::filesystem::path(info.dli_fname).parent_path();
}

const std::string& cuda_library() {
  static const std::string reason = load_library();
  return reason;
}

void load_cuda() { cuda_library(); }

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
