// Stores, process groups and collectives of c10d, libtorch's engine of many processes.
#pragma once

#include <node_api.h>

namespace pea {

// connectTcpStore(host, port, isServer, milliseconds): Promise of a store and the port
napi_value connect_tcp_store(napi_env env, napi_callback_info info);
// openFileStore(path, worldSize): a store
napi_value open_file_store(napi_env env, napi_callback_info info);
// prefixStore(store, prefix): a store
napi_value prefix_store(napi_env env, napi_callback_info info);
// storeSet(store, key, text), storeGet(store, key), storeHas(store, key): Promises
napi_value store_set(napi_env env, napi_callback_info info);
napi_value store_get(napi_env env, napi_callback_info info);
napi_value store_has(napi_env env, napi_callback_info info);
// storeAdd(store, key, amount): Promise of the sum
napi_value store_add(napi_env env, napi_callback_info info);
// closeStore(store): Promise
napi_value close_store(napi_env env, napi_callback_info info);

// connectGroup(store, rank, worldSize, milliseconds, interfaces, host, sharesMemory): Promise of a group
napi_value connect_group(napi_env env, napi_callback_info info);
// connectNcclGroup(store, rank, worldSize, milliseconds, device): Promise of a group
napi_value connect_nccl_group(napi_env env, napi_callback_info info);
// closeGroup(group): Promise
napi_value close_group(napi_env env, napi_callback_info info);

// allReduce(group, tensors, "sum" | "max"), broadcast(group, tensors, root): Promises; in place
napi_value all_reduce(napi_env env, napi_callback_info info);
napi_value broadcast(napi_env env, napi_callback_info info);
// allGather(group, tensor): Promise of a tensor of each rank
napi_value all_gather(napi_env env, napi_callback_info info);
// barrier(group): Promise
napi_value barrier(napi_env env, napi_callback_info info);
// summed(group, tensor): the sum over ranks, which backward() goes through; blocks
napi_value summed(napi_env env, napi_callback_info info);

// reducer(group, parameters, bytes): sums their gradients in buckets of so many bytes; see reducer.h
napi_value make_reducer(napi_env env, napi_callback_info info);
// startReducer(reducer); finishReducer(reducer): Promises, of each bucket; disposeReducer(reducer)
napi_value start_reducer(napi_env env, napi_callback_info info);
napi_value finish_reducer(napi_env env, napi_callback_info info);
napi_value dispose_reducer(napi_env env, napi_callback_info info);

}  // namespace pea
