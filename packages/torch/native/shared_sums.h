// Sums over the ranks of one machine, in memory that they share: nothing is copied into sockets and out of them, and the
// addends are taken in the order of the ranks, however many there are.
#pragma once

#include <chrono>
#include <memory>

#include "bucket_sums.h"
#include "shared_memory.h"

namespace pea {

class SharedSums final : public BucketSums {
 public:
  // timeout: how long finish() waits for the others.
  SharedSums(std::shared_ptr<SharedMemory> memory, int rank, int size, std::chrono::milliseconds timeout);
  ~SharedSums() override;

  at::Tensor open(int64_t numbers, const at::TensorOptions& options) override;
  void send(size_t bucket) override;
  std::vector<Future> finish() override;

 private:
  struct Bucket;
  struct State;

  // What a thread that waits keeps.
  std::shared_ptr<State> state_;
};

}  // namespace pea
