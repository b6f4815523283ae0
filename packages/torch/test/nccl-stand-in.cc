// What libpea_nccl.so exports, without NCCL: says in an error what it was asked for. Its types are passed as libtorch's are.
#include <chrono>
#include <stdexcept>
#include <string>

struct Device {
  signed char type, index;
};

#ifdef WHOLE
extern "C" std::string pea_nccl_gpu_name(Device device) { return "GPU " + std::to_string(device.index); }
#endif

// The group that Connect returns is written to where the first argument says.
extern "C" void* pea_nccl_connect(void*, const void*, int rank, int size, std::chrono::milliseconds timeout, Device device) {
  throw std::runtime_error("rank " + std::to_string(rank) + " of " + std::to_string(size) + " waits " +
                           std::to_string(timeout.count()) + " ms on device " + std::to_string(device.index));
}
