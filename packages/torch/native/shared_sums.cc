#include "shared_sums.h"

#include <c10/core/GradMode.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace pea {
namespace {

using Clock = std::chrono::steady_clock;

// Bytes of a bucket that one rank sums at a time: those of all ranks lie in a processor's cache together.
constexpr int64_t kChunk = 128 * 1024;

// How often one that waits looks for ranks that have ended.
constexpr std::chrono::milliseconds kLook{100};

// How far the ranks are with a bucket. All only grow: in round n (from 1) n times the ranks come, and n times the chunks are done.
struct Progress {
  // Of the bucket, by the first that opens it.
  std::atomic<uint64_t> bytes;
  alignas(64) std::atomic<uint64_t> arrived;
  alignas(64) std::atomic<uint64_t> claimed;
  alignas(64) std::atomic<uint64_t> done;
  // Rung when all have come, and when all is done.
  alignas(64) std::atomic<uint32_t> bell;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

void ring(std::atomic<uint32_t>& bell) {
  bell.fetch_add(1);
  syscall(SYS_futex, &bell, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
}

// Until it is rung, or kLook is over.
void wait_for(std::atomic<uint32_t>& bell, uint32_t seen) {
  const timespec limit{0, std::chrono::nanoseconds(kLook).count()};
  syscall(SYS_futex, &bell, FUTEX_WAIT, seen, &limit, nullptr, 0);
}

}  // namespace

struct SharedSums::Bucket {
  std::shared_ptr<SharedRegion> region;
  Progress* progress;
  // What each rank has, by rank.
  std::vector<at::Tensor> parts;
  int64_t chunk, chunks;
  uint64_t round = 0;
  // Chunks of this round that this rank has summed.
  int64_t own = 0;

  bool has_all(size_t ranks) const { return progress->arrived.load(std::memory_order_acquire) >= ranks * round; }
  bool is_done() const { return progress->done.load(std::memory_order_acquire) >= chunks * round; }

  // The next chunk that nobody sums yet; -1: there is none.
  int64_t claim() {
    uint64_t next = progress->claimed.load();
    do {
      if (next >= chunks * round) return -1;
    } while (!progress->claimed.compare_exchange_weak(next, next + 1));
    return static_cast<int64_t>(next - chunks * (round - 1));
  }

  // Sums chunks, in every part, as long as there are any and this rank has summed fewer than so many.
  void help(int64_t most) {
    if (!has_all(parts.size())) return;
    const c10::NoGradGuard without;
    while (own < most) {
      const int64_t index = claim();
      if (index < 0) return;
      const int64_t start = index * chunk;
      const int64_t length = std::min(chunk, parts[0].numel() - start);
      auto sum = parts[0].narrow(0, start, length);
      for (size_t rank = 1; rank < parts.size(); rank++) sum.add_(parts[rank].narrow(0, start, length));
      for (size_t rank = 1; rank < parts.size(); rank++) parts[rank].narrow(0, start, length).copy_(sum);
      own++;
      if (progress->done.fetch_add(1) + 1 == chunks * round) ring(progress->bell);
    }
  }
};

struct SharedSums::State {
  std::shared_ptr<SharedMemory> memory;
  int rank, size;
  std::chrono::milliseconds timeout;
  std::vector<Bucket> buckets;

  void await(Bucket& bucket, Clock::time_point end) {
    for (;;) {
      const uint32_t seen = bucket.progress->bell.load();
      bucket.help(bucket.chunks);
      if (bucket.is_done()) return;
      for (int other = 0; other < size; other++) {
        // One that has all it came for leaves after that is done.
        TORCH_CHECK(other == rank || !memory->has_left(other) || bucket.is_done(), "rank ", other, " has left");
      }
      TORCH_CHECK(Clock::now() < end, "the sums of the other ranks did not come within ", timeout.count(), " ms");
      wait_for(bucket.progress->bell, seen);
    }
  }
};

SharedSums::SharedSums(std::shared_ptr<SharedMemory> memory, int rank, int size, std::chrono::milliseconds timeout)
    : state_(new State{std::move(memory), rank, size, timeout, {}}) {}

SharedSums::~SharedSums() = default;

at::Tensor SharedSums::open(int64_t numbers, const at::TensorOptions& options) {
  auto& [memory, rank, size, timeout, buckets] = *state_;
  const int64_t element = static_cast<int64_t>(options.dtype().itemsize());
  const size_t each = in_pages(numbers * element);
  const size_t head = in_pages(sizeof(Progress));
  Bucket bucket;
  bucket.region = memory->take(head + size * each);
  bucket.progress = reinterpret_cast<Progress*>(bucket.region->begin());
  uint64_t bytes = 0;
  const bool is_first = bucket.progress->bytes.compare_exchange_strong(bytes, numbers * element);
  TORCH_CHECK(is_first || bytes == static_cast<uint64_t>(numbers * element), "this rank's parameters are others than another's: ",
              numbers * element, " bytes where that has ", bytes);
  for (int other = 0; other < size; other++) {
    char* const begin = bucket.region->begin() + head + other * each;
    // Its pages go back to the machine with the last tensor that lies there.
    auto release = [region = bucket.region, each, is_own = other == rank](void* own) {
      if (is_own) madvise(own, each, MADV_REMOVE);
    };
    bucket.parts.push_back(at::from_blob(begin, {numbers}, std::move(release), options.requires_grad(false)));
  }
  bucket.chunk = kChunk / element;
  bucket.chunks = (numbers + bucket.chunk - 1) / bucket.chunk;
  buckets.push_back(std::move(bucket));
  return buckets.back().parts[rank];
}

void SharedSums::send(size_t index) {
  auto& bucket = state_->buckets[index];
  bucket.round++;
  bucket.own = 0;
  if (bucket.progress->arrived.fetch_add(1) + 1 == state_->size * bucket.round) ring(bucket.progress->bell);
  // No more than its share: the last to come would do all the sums, and come later still.
  for (size_t i = 0; i <= index; i++) {
    auto& come = state_->buckets[i];
    come.help((come.chunks + state_->size - 1) / state_->size);
  }
}

std::vector<BucketSums::Future> SharedSums::finish() {
  std::vector<Future> sums;
  for (size_t i = 0; i < state_->buckets.size(); i++) sums.push_back(c10::make_intrusive<c10::ivalue::Future>(c10::NoneType::get()));
  std::thread([state = state_, sums] {
    const auto end = Clock::now() + state->timeout;
    for (size_t i = 0; i < sums.size(); i++) {
      try {
        state->await(state->buckets[i], end);
        sums[i]->markCompleted(c10::IValue());
      } catch (...) {
        sums[i]->setError(std::current_exception());
      }
    }
  }).detach();
  return sums;
}

}  // namespace pea
