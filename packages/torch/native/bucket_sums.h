// What sums the buckets of a reducer over ranks: by c10d's all-reduce, or in memory that the ranks share.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/ivalue.h>

#include <vector>

namespace pea {

// Buckets are opened, and in each round sent, in the same order on all ranks.
class BucketSums {
 public:
  using Future = c10::intrusive_ptr<c10::ivalue::Future>;

  virtual ~BucketSums() = default;

  // Zeros, where the next bucket lies from now on.
  virtual at::Tensor open(int64_t numbers, const at::TensorOptions& options) = 0;

  // What this rank adds lies in the bucket. Called by backward(), and so waits for nobody.
  virtual void send(size_t bucket) = 0;

  // Of each bucket, all of which were sent: settled when it has the sum.
  virtual std::vector<Future> finish() = 0;

  // On the thread that reads the sum.
  virtual void receive(size_t /* bucket */) {}
};

}  // namespace pea
