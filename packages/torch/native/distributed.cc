#include "distributed.h"

#define USE_C10D_GLOO  // for ProcessGroupGloo.hpp; whether the engine has it is asked of the engine (require_gloo)
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <dlfcn.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <sstream>
#include <thread>
#include <tuple>

#include "arguments.h"
#include "convert.h"
#include "device.h"
#include "handle.h"
#include "nccl.h"
#include "promise.h"
#include "reducer.h"
#include "shared_memory.h"
#include "shared_sums.h"
#include "version.h"

namespace pea {
namespace {

using Gloo = c10d::ProcessGroupGloo;
template <typename T>
using Shared = c10::intrusive_ptr<T>;

// What a JavaScript external holds. A group that was not closed is left to the end of the process: its destructor waits
// for ranks that may never answer.
template <typename T>
struct Box {
  static constexpr uint64_t kMagic = 0x706561633130643aULL + sizeof(T);
  uint64_t magic = kMagic;
  Shared<T> value;
};

template <typename T>
napi_value box(napi_env env, Shared<T> value) {
  auto* held = new Box<T>;
  held->value = std::move(value);
  napi_value result;
  napi_create_external(env, held, nullptr, nullptr, &result);
  return result;
}

template <typename T>
Shared<T>& unbox(napi_env env, napi_value value, const char* what) {
  napi_valuetype type;
  void* data = nullptr;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_external) napi_get_value_external(env, value, &data);
  auto* held = static_cast<Box<T>*>(data);
  TORCH_CHECK(held != nullptr && held->magic == Box<T>::kMagic, "expected ", what, ", got ", describe(env, value));
  TORCH_CHECK(held->value, what, " was closed");
  return held->value;
}

Shared<c10d::Store> to_store(napi_env env, napi_value value) { return unbox<c10d::Store>(env, value, "a store"); }

// A group, and where all of its ranks are on one machine and reach it, memory that they share.
struct Connection : c10::intrusive_ptr_target {
  Shared<Group> group;
  std::chrono::milliseconds timeout;
  bool is_nccl = false;
  std::shared_ptr<SharedMemory> memory;
};

Shared<Connection> to_connection(napi_env env, napi_value value) { return unbox<Connection>(env, value, "a process group"); }

using Future = c10::intrusive_ptr<c10::ivalue::Future>;

// Settled when the work is done. NCCL's own future is as soon as it is queued, and no error reaches it: a thread waits in its place.
Future done(const Connection& connection, const Shared<c10d::Work>& work) {
  if (!connection.is_nccl) return work->getFuture();
  auto future = c10::make_intrusive<c10::ivalue::Future>(c10::NoneType::get());
  std::thread([future, work] {
    try {
      work->wait();
      future->markCompleted();
    } catch (...) {
      future->setError(std::current_exception());
    }
  }).detach();
  return future;
}

Shared<Reducer> to_reducer(napi_env env, napi_value value) { return unbox<Reducer>(env, value, "a reducer"); }

std::chrono::milliseconds to_milliseconds(napi_env env, napi_value value) {
  return std::chrono::milliseconds(to_int(env, value, "a timeout"));
}

MakeValue nothing() {
  return [](napi_env) { return static_cast<napi_value>(nullptr); };
}

// Asked of the engine that is loaded: a call of what it lacks would end the process.
void require_gloo() {
  Dl_info engine;
  dladdr(reinterpret_cast<const void*>(&at::globalContext), &engine);
  void* library = dlopen(engine.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  const char* constructor =
      "_ZN4c10d16ProcessGroupGlooC1ERKN3c1013intrusive_ptrINS_5StoreENS1_6detail34intrusive_target_default_null_typeIS3_EEEEii"
      "NS2_INS0_7OptionsENS5_ISA_EEEE";
  const bool has = library != nullptr && dlsym(library, constructor) != nullptr;
  if (library != nullptr) dlclose(library);
  TORCH_CHECK(has, "this libtorch is built without Gloo; use Debian's libtorch or PyPI's torch (LIBTORCH)");
}

// Where this rank listens: at the interfaces that are named ("eth0,eth1"), at the host's address, or where c10d chooses.
std::vector<std::shared_ptr<gloo::transport::Device>> devices(const std::string& interfaces, const std::string& host) {
  if (interfaces.empty())
    return {host.empty() ? Gloo::createDefaultDevice() : Gloo::createDeviceForHostname(host)};
  std::vector<std::shared_ptr<gloo::transport::Device>> found;
  std::stringstream names(interfaces);
  for (std::string name; std::getline(names, name, ',');) found.push_back(Gloo::createDeviceForInterface(name));
  return found;
}

// What another process may not be allowed to open, or a system may not have: null then.
template <typename Body>
std::shared_ptr<SharedMemory> memory_or_null(Body body) {
  try {
    return body();
  } catch (const c10::Error&) {
    return nullptr;
  }
}

// Memory of rank 0 that all share; null on all where one of them cannot reach it.
std::shared_ptr<SharedMemory> share_memory(c10d::Store& store, Group& group) {
  const char* key = "shared memory";
  const int rank = group.getRank();
  std::shared_ptr<SharedMemory> memory;
  if (rank == 0) {
    memory = memory_or_null([&] { return SharedMemory::create(rank); });
    const std::string place = memory ? memory->place() : "";
    store.set(key, std::vector<uint8_t>(place.begin(), place.end()));
  } else {
    const auto place = store.get(key);
    memory = memory_or_null([&] { return SharedMemory::open(std::string(place.begin(), place.end()), rank); });
  }
  std::vector<at::Tensor> missing = {at::full({1}, memory ? 0 : 1, at::kInt)};
  group.allreduce(missing)->wait();
  return missing[0].item().toInt() == 0 ? memory : nullptr;
}

// Of others Gloo takes the values for all there is, and says no word of it.
void require_dense(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.layout() == at::kStrided, "expected dense tensors, got one of layout ", tensor.layout(),
              "; make it dense first (aten::to_dense)");
}

// What Gloo itself refuses it refuses in a thread of its own, when the group is of no use any more; NCCL is asked for no more than
// Gloo reduces. Of bool some engines make
// numbers that are neither true nor false.
void require_summable(const at::Tensor& tensor) {
  require_dense(tensor);
  switch (tensor.scalar_type()) {
    case at::kFloat:
    case at::kDouble:
    case at::kHalf:
    case at::kChar:
    case at::kByte:
    case at::kInt:
    case at::kLong:
      return;
    case at::kBFloat16:
      if (kGlooSumsBFloat16) return;
      [[fallthrough]];
    default:
      TORCH_CHECK(false, "c10d reduces float32, float64, float16, ", kGlooSumsBFloat16 ? "bfloat16, " : "",
                  "int64, int32, int8 and uint8 in this libtorch, got ", dtype_name(tensor.scalar_type()), "; cast it to one of these");
  }
}

// A contiguous tensor as what it is in memory: what is only passed on may be of any dtype.
at::Tensor as_bytes(const at::Tensor& tensor) { return tensor.view({tensor.numel()}).view(at::kByte); }

// Tensors as one dense tensor, so that one collective does for all, and back again.
struct Flat {
  explicit Flat(std::vector<at::Tensor> of) : tensors(std::move(of)) {
    TORCH_CHECK(!tensors.empty(), "expected at least one tensor");
    for (const auto& tensor : tensors) {
      require_dense(tensor);
      TORCH_CHECK(tensor.scalar_type() == tensors[0].scalar_type() && tensor.device() == tensors[0].device(),
                  "the tensors must be of one dtype and on one device, got ", dtype_name(tensors[0].scalar_type()), " on ",
                  tensors[0].device(), " and ", dtype_name(tensor.scalar_type()), " on ", tensor.device());
    }
    const c10::NoGradGuard without;
    is_same = tensors.size() == 1 && tensors[0].is_contiguous();
    flat = {is_same ? tensors[0].detach() : at::flatten_dense_tensors(tensors)};
  }

  void spread() const {
    if (is_same) return;
    const c10::NoGradGuard without;
    const auto parts = at::unflatten_dense_tensors(flat[0], tensors);
    for (size_t i = 0; i < tensors.size(); i++) tensors[i].detach().copy_(parts[i]);
  }

  std::vector<at::Tensor> tensors;
  std::vector<at::Tensor> flat;
  bool is_same = false;
};

c10d::AllreduceOptions reducing(const std::string& operation) {
  TORCH_CHECK(operation == "sum" || operation == "max", "the operation must be \"sum\" or \"max\", got \"", operation, "\"");
  c10d::AllreduceOptions options;
  options.reduceOp = operation == "sum" ? c10d::ReduceOp::SUM : c10d::ReduceOp::MAX;
  return options;
}

napi_value spread_when_done(napi_env env, const Connection& connection, std::shared_ptr<Flat> flat, Shared<c10d::Work> work) {
  return when_done(env, done(connection, work), [flat, work](napi_env) {
    work->synchronize();
    flat->spread();
    return static_cast<napi_value>(nullptr);
  });
}

at::Tensor sum_over_ranks(Group& group, const at::Tensor& tensor) {
  require_summable(tensor);
  std::vector<at::Tensor> sum = {tensor.detach().clone(at::MemoryFormat::Contiguous)};
  group.allreduce(sum)->wait();
  return sum[0];
}

// y = Σ over ranks of x; a loss is the sum of the ranks' losses, so that dx = Σ over ranks of dy.
struct SumOverRanks : torch::autograd::Function<SumOverRanks> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const Shared<Group>& group) {
    context->saved_data["group"] = c10::IValue::make_capsule(group);
    return sum_over_ranks(*group, x);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list dy) {
    const auto group = context->saved_data["group"].toCapsule();
    return {sum_over_ranks(static_cast<Group&>(*group), dy[0]), at::Tensor()};
  }
};

// The all-reduce of the group.
class GroupSums final : public BucketSums {
 public:
  explicit GroupSums(Shared<Connection> connection) : connection_(std::move(connection)) {}

  at::Tensor open(int64_t numbers, const at::TensorOptions& options) override {
    buckets_.push_back({{at::zeros({numbers}, options)}, {}});
    return buckets_.back().flat[0];
  }

  void send(size_t bucket) override { buckets_[bucket].work = connection_->group->allreduce(buckets_[bucket].flat); }

  std::vector<Future> finish() override {
    std::vector<Future> sums;
    for (const auto& bucket : buckets_) sums.push_back(done(*connection_, bucket.work));
    return sums;
  }

  void receive(size_t bucket) override { buckets_[bucket].work->synchronize(); }

 private:
  struct Bucket {
    std::vector<at::Tensor> flat;
    Shared<c10d::Work> work;
  };

  Shared<Connection> connection_;
  std::vector<Bucket> buckets_;
};

std::unique_ptr<BucketSums> sums_over(const Shared<Connection>& connection, const std::vector<at::Tensor>& parameters) {
  const auto& [group, memory] = std::tie(connection->group, connection->memory);
  const bool is_here = std::all_of(parameters.begin(), parameters.end(), [](const auto& one) { return one.is_cpu(); });
  if (!memory || !is_here) return std::make_unique<GroupSums>(connection);
  return std::make_unique<SharedSums>(memory, group->getRank(), group->getSize(), connection->timeout);
}

}  // namespace

napi_value connect_tcp_store(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<4> args(env, info);
    const std::string host = to_string(env, args[0]);
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(to_int(env, args[1], "the port"));
    napi_get_value_bool(env, args[2], &options.isServer);
    options.waitWorkers = false;
    leave_libuv_out(options);
    options.timeout = to_milliseconds(env, args[3]);
    return in_background(env, [host, options]() -> MakeValue {
      const auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
      return [store](napi_env env) {
        napi_value result, port;
        napi_create_array_with_length(env, 2, &result);
        napi_set_element(env, result, 0, box<c10d::Store>(env, store));
        napi_create_int32(env, store->getPort(), &port);
        napi_set_element(env, result, 1, port);
        return result;
      };
    });
  });
}

napi_value open_file_store(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    const auto size = static_cast<int>(to_int(env, args[1], "the world size"));
    return box<c10d::Store>(env, c10::make_intrusive<c10d::FileStore>(to_string(env, args[0]), size));
  });
}

napi_value prefix_store(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    return box<c10d::Store>(env, c10::make_intrusive<c10d::PrefixStore>(to_string(env, args[1]), to_store(env, args[0])));
  });
}

napi_value store_set(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> args(env, info);
    const std::string text = to_string(env, args[2]);
    return in_background(env, [store = to_store(env, args[0]), key = to_string(env, args[1]), text] {
      store->set(key, std::vector<uint8_t>(text.begin(), text.end()));
      return nothing();
    });
  });
}

napi_value store_get(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    return in_background(env, [store = to_store(env, args[0]), key = to_string(env, args[1])]() -> MakeValue {
      const auto bytes = store->get(key);
      return [text = std::string(bytes.begin(), bytes.end())](napi_env env) { return to_js(env, text); };
    });
  });
}

napi_value store_has(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    return in_background(env, [store = to_store(env, args[0]), key = to_string(env, args[1])]() -> MakeValue {
      return [has = store->check({key})](napi_env env) {
        napi_value result;
        napi_get_boolean(env, has, &result);
        return result;
      };
    });
  });
}

napi_value store_add(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> args(env, info);
    const int64_t amount = to_int(env, args[2], "the amount");
    return in_background(env, [store = to_store(env, args[0]), key = to_string(env, args[1]), amount]() -> MakeValue {
      return [sum = store->add(key, amount)](napi_env env) {
        napi_value result;
        napi_create_int64(env, sum, &result);
        return result;
      };
    });
  });
}

napi_value close_store(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    Shared<c10d::Store> store = std::move(unbox<c10d::Store>(env, Arguments<1>(env, info)[0], "a store"));
    // Its destructor waits for whoever is in the middle of a message, who may stay there.
    return in_background(
        env,
        [store = std::move(store)]() mutable {
          store.reset();
          return nothing();
        },
        false);
  });
}

napi_value connect_group(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    require_gloo();
    const Arguments<7> args(env, info);
    const auto store = to_store(env, args[0]);
    const auto rank = static_cast<int>(to_int(env, args[1], "the rank"));
    const auto size = static_cast<int>(to_int(env, args[2], "the world size"));
    const auto timeout = to_milliseconds(env, args[3]);
    bool shares_memory = false;
    napi_get_value_bool(env, args[6], &shares_memory);
    return in_background(env, [=, interfaces = to_string(env, args[4]), host = to_string(env, args[5])]() -> MakeValue {
      auto options = c10::make_intrusive<Gloo::Options>(timeout);
      options->devices = devices(interfaces, host);
      const auto connection = c10::make_intrusive<Connection>();
      connection->group = c10::make_intrusive<Gloo>(store, rank, size, options);
      connection->timeout = timeout;
      if (shares_memory) connection->memory = share_memory(*store, *connection->group);
      return [connection](napi_env env) { return box(env, connection); };
    });
  });
}

napi_value connect_nccl_group(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<5> args(env, info);
    const auto store = to_store(env, args[0]);
    const auto rank = static_cast<int>(to_int(env, args[1], "the rank"));
    const auto size = static_cast<int>(to_int(env, args[2], "the world size"));
    const auto timeout = to_milliseconds(env, args[3]);
    const auto device = parse_device(to_string(env, args[4]));
    // Not awaited: NCCL waits for the others without end.
    return in_background(env, [=]() -> MakeValue {
      const auto connection = c10::make_intrusive<Connection>();
      connection->group = connect_nccl(store, rank, size, timeout, device);
      connection->timeout = timeout;
      connection->is_nccl = true;
      return [connection](napi_env env) { return box(env, connection); };
    }, false);
  });
}

napi_value close_group(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    auto connection = std::move(unbox<Connection>(env, Arguments<1>(env, info)[0], "a process group"));
    return in_background(env, [connection = std::move(connection)]() mutable {
      connection.reset();
      return nothing();
    });
  });
}

napi_value all_reduce(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> args(env, info);
    const auto connection = to_connection(env, args[0]);
    auto flat = std::make_shared<Flat>(to_tensors(env, args[1]));
    require_summable(flat->flat[0]);
    return spread_when_done(env, *connection, flat, connection->group->allreduce(flat->flat, reducing(to_string(env, args[2]))));
  });
}

napi_value broadcast(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> args(env, info);
    const auto connection = to_connection(env, args[0]);
    auto flat = std::make_shared<Flat>(to_tensors(env, args[1]));
    c10d::BroadcastOptions options;
    options.rootRank = to_int(env, args[2], "the rank");
    std::vector<at::Tensor> bytes = {as_bytes(flat->flat[0])};
    return spread_when_done(env, *connection, flat, connection->group->broadcast(bytes, options));
  });
}

napi_value all_gather(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    const auto connection = to_connection(env, args[0]);
    const auto& group = connection->group;
    const c10::NoGradGuard without;
    const auto& given = unwrap_tensor(env, args[1]);
    require_dense(given);
    const at::Tensor input = given.detach().contiguous();
    std::vector<at::Tensor> tensors, inputs = {as_bytes(input)};
    std::vector<std::vector<at::Tensor>> outputs(1);
    for (int rank = 0; rank < group->getSize(); rank++) {
      tensors.push_back(at::empty_like(input));
      outputs[0].push_back(as_bytes(tensors.back()));
    }
    // Gloo divides by the number of bytes.
    const auto work = input.numel() == 0 ? group->barrier() : group->allgather(outputs, inputs);
    return when_done(env, done(*connection, work), [work, tensors, inputs](napi_env env) {
      work->synchronize();
      napi_value result;
      napi_create_array_with_length(env, tensors.size(), &result);
      for (uint32_t i = 0; i < tensors.size(); i++) napi_set_element(env, result, i, wrap_tensor(env, tensors[i]));
      return result;
    });
  });
}

napi_value barrier(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const auto connection = to_connection(env, Arguments<1>(env, info)[0]);
    const auto work = connection->group->barrier();
    return when_done(env, done(*connection, work), [work](napi_env) { return static_cast<napi_value>(nullptr); });
  });
}

napi_value summed(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<2> args(env, info);
    return wrap_tensor(env, SumOverRanks::apply(unwrap_tensor(env, args[1]), to_connection(env, args[0])->group));
  });
}

napi_value make_reducer(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const Arguments<3> args(env, info);
    const auto parameters = to_tensors(env, args[1]);
    for (const auto& parameter : parameters) require_summable(parameter);
    auto sums = sums_over(to_connection(env, args[0]), parameters);
    return box(env, c10::make_intrusive<Reducer>(std::move(sums), parameters, to_int(env, args[2], "the bytes of a bucket")));
  });
}

napi_value start_reducer(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    to_reducer(env, Arguments<1>(env, info)[0])->start();
    return static_cast<napi_value>(nullptr);
  });
}

napi_value finish_reducer(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const auto reducer = to_reducer(env, Arguments<1>(env, info)[0]);
    const auto sums = reducer->finish();
    napi_value result;
    napi_create_array_with_length(env, sums.size(), &result);
    for (uint32_t i = 0; i < sums.size(); i++) {
      const auto taken = [reducer, i](napi_env) {
        reducer->take(i);
        return static_cast<napi_value>(nullptr);
      };
      napi_set_element(env, result, i, when_done(env, sums[i], taken));
    }
    return result;
  });
}

napi_value dispose_reducer(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    unbox<Reducer>(env, Arguments<1>(env, info)[0], "a reducer").reset();
    return static_cast<napi_value>(nullptr);
  });
}

}  // namespace pea
