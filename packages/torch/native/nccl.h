// c10d's group over NCCL, which a library of its own makes: few engines have what it is built of, and all go without it.
#pragma once

#include <c10/core/Device.h>
#include <c10/util/intrusive_ptr.h>
#include <node_api.h>

#include <chrono>
#include <string>

#include "version.h"

namespace pea {

// openNccl(path): empty where libpea_nccl.so loads, or has; "another version" where it lacks what it is asked for; otherwise why it
// does not load
napi_value open_nccl(napi_env env, napi_callback_info info);
// gpuName(device): the UUID of a GPU; throws where nccl is not open
napi_value gpu_name(napi_env env, napi_callback_info info);

// A group of which each rank has a GPU; throws where the library is not open.
c10::intrusive_ptr<Group> connect_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                       std::chrono::milliseconds timeout, c10::Device device);

}  // namespace pea
