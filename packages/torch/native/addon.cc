// The addon's table of contents. Context-aware: every worker thread may load it; state is per process and locked,
// per thread where libtorch keeps it so (grad mode, autocast), or in the handles themselves.
#include <node_api.h>

#include <string>

#include "allocator.h"
#include "arguments.h"
#include "autograd.h"
#include "device.h"
#include "dispatch.h"
#include "distributed.h"
#include "nccl.h"
#include "runtime.h"
#include "tensor.h"

namespace pea {

std::string brief(const char* message) {
  std::string text(message);
  // "message\nException raised from f at file.cpp:12 (most recent call first): …"
  const auto trace = text.find("\nException raised from");
  if (trace != std::string::npos) text.resize(trace);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

void throw_error(napi_env env, const std::string& message) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_error(env, nullptr, message.c_str());
}

namespace {

struct Export {
  const char* name;
  napi_callback function;
};

constexpr Export kExports[] = {
    {"resolve", resolve_operator},
    {"call", call_operator},
    {"schema", operator_schema},
    {"shape", tensor_shape},
    {"strides", tensor_strides},
    {"dtype", tensor_dtype},
    {"device", tensor_device},
    {"countUp", tensor_count_up},
    {"isContiguous", tensor_is_contiguous},
    {"item", tensor_item},
    {"dispose", tensor_dispose},
    {"same", tensor_same},
    {"fromBytes", tensor_from_bytes},
    {"toBytes", tensor_to_bytes},
    {"copyBytes", tensor_copy_bytes},
    {"setInScope", tensor_set_in_scope},
    {"memoryStats", tensor_memory_stats},
    {"requiresGrad", get_requires_grad},
    {"setRequiresGrad", set_requires_grad},
    {"isLeaf", is_leaf},
    {"gradient", get_grad},
    {"setGradient", set_grad},
    {"gradients", get_grads},
    {"clearGradients", clear_grads},
    {"gradEnabled", grad_enabled},
    {"setGradEnabled", set_grad_enabled},
    {"backward", backward},
    {"grad", grad},
    {"manualSeed", manual_seed},
    {"rngState", rng_state},
    {"setRngState", set_rng_state},
    {"numThreads", num_threads},
    {"setNumThreads", set_num_threads},
    {"autocastBegin", autocast_begin},
    {"autocastEnd", autocast_end},
    {"loadLibrary", load_library},
    {"cudaIsAvailable", cuda_is_available},
    {"emptyCache", release_cache},
    {"engineInfo", engine_info},
    {"connectTcpStore", connect_tcp_store},
    {"openFileStore", open_file_store},
    {"prefixStore", prefix_store},
    {"storeSet", store_set},
    {"storeGet", store_get},
    {"storeHas", store_has},
    {"storeAdd", store_add},
    {"closeStore", close_store},
    {"connectGroup", connect_group},
    {"openNccl", open_nccl},
    {"gpuName", gpu_name},
    {"connectNcclGroup", connect_nccl_group},
    {"closeGroup", close_group},
    {"allReduce", all_reduce},
    {"broadcast", broadcast},
    {"allGather", all_gather},
    {"barrier", barrier},
    {"summed", summed},
    {"reducer", make_reducer},
    {"startReducer", start_reducer},
    {"finishReducer", finish_reducer},
    {"disposeReducer", dispose_reducer},
};

}  // namespace
}  // namespace pea

NAPI_MODULE_INIT() {
  pea::install_allocator();
  pea::load_cuda();
  for (const auto& entry : pea::kExports) {
    napi_value function;
    napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.function, nullptr, &function);
    napi_set_named_property(env, exports, entry.name, function);
  }
  return exports;
}
