#include "pea_nccl.h"

#define USE_C10D_NCCL  // for ProcessGroupNCCL.hpp
#include <ATen/cuda/CUDAContext.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <cstdio>
#include <type_traits>

#define PEA_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

class NcclGroup final : public c10d::ProcessGroupNCCL {
 public:
  using ProcessGroupNCCL::ProcessGroupNCCL;

  // The base's destructor aborts what is under way, with a warning.
  ~NcclGroup() override {
    try {
      shutdown();
    } catch (const std::exception&) {
      // The other ranks are gone: there is nothing left to wait for.
    }
  }
};

}  // namespace

PEA_EXPORT std::string pea_nccl_gpu_name(c10::Device device) {
  std::string name;
  for (const char byte : at::cuda::getDeviceProperties(device.index())->uuid.bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(byte));
    name += digits;
  }
  return name;
}

PEA_EXPORT c10::intrusive_ptr<pea::Group> pea_nccl_connect(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                                          std::chrono::milliseconds timeout, c10::Device device) {
  auto options = NcclGroup::Options::create();
  options->timeout = timeout;
  auto group = c10::make_intrusive<NcclGroup>(store, rank, size, options);
  group->setBoundDeviceId(device);
  // Otherwise the first collective does it, which would wait for the others on the thread that starts it.
  group->eagerConnectSingleDevice(device);
  return group;
}

static_assert(std::is_same_v<decltype(pea_nccl_gpu_name), pea::nccl::GpuName>);
static_assert(std::is_same_v<decltype(pea_nccl_connect), pea::nccl::Connect>);
