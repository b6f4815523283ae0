// What libpea_nccl.so exports: pea_nccl_gpu_name and pea_nccl_connect. Both throw c10::Error. With
// its signature a function changes its name, so that a library that was built before lacks it and is told to be of another version.
#pragma once

#include <c10/core/Device.h>
#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <string>

#include "../version.h"

namespace pea::nccl {

// The UUID of a GPU: the same in all processes that see it, whatever its number is there.
using GpuName = std::string(c10::Device);

// A group that is connected: waits for all ranks. Its Work::wait() is for threads that may wait: it returns when the GPU is done,
// and throws what failed, or after the timeout. To let go of the group waits for what is under way.
using Connect = c10::intrusive_ptr<Group>(const c10::intrusive_ptr<c10d::Store>&, int rank, int size,
                                          std::chrono::milliseconds timeout, c10::Device);

}  // namespace pea::nccl
