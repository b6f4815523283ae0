// Gradients that are summed over ranks in buckets, each as soon as backward() has made all of its gradients.
#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <mutex>
#include <vector>

#include "bucket_sums.h"

namespace pea {

// What DistributedDataParallel's reducer does, but that it waits for nothing. Buckets are of neighbours among the parameters, the
// last first, since backward() comes to those first, and go in this order on every rank, whichever is full first. A bucket has a
// number for each of its parameters beside their gradients: whether a rank has one. A parameter that has none on a rank counts
// as zeros there; one that has none anywhere stays without.
class Reducer : public c10::intrusive_ptr_target {
 public:
  // bytes: from which on a bucket is large enough.
  Reducer(std::unique_ptr<BucketSums> sums, const std::vector<at::Tensor>& parameters, int64_t bytes);
  ~Reducer() override;

  // The next backward() adds the last addends: each bucket goes as soon as it has them.
  void start();

  // Sends what has not gone yet; of each bucket what is settled when it has the sum.
  std::vector<BucketSums::Future> finish();

  // After that: the sums of a bucket become the gradients.
  void take(size_t bucket);

 private:
  struct Slot {
    at::Tensor parameter;
    size_t bucket;
    // Where in the bucket the gradient lies, with the parameter's strides, and where it says whether there is one.
    at::Tensor gradient, flag;
    bool is_in = false;
  };
  struct Bucket {
    // Its slots.
    size_t begin, end;
    size_t missing;
  };
  struct Hook {
    decltype(torch::autograd::impl::grad_accumulator(at::Tensor())) accumulator;
    uintptr_t key;
  };

  void open_bucket(size_t begin, size_t end);
  void put(Slot& slot);
  void send_full();
  void unhook();

  std::unique_ptr<BucketSums> sums_;
  std::vector<Slot> slots_;
  std::vector<Bucket> buckets_;
  // Buckets that have gone.
  size_t sent_ = 0;
  std::vector<Hook> hooks_;
  // Parameters on several devices have backward() in several threads.
  std::mutex mutex_;
};

}  // namespace pea
