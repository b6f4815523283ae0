#include "allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "arena.h"
#include "version.h"

namespace pea {
namespace {

constexpr size_t kAlignment = 64;          // a cache line, and what AVX-512 likes
constexpr size_t kLarge = 64 << 10;        // smaller blocks come from malloc
constexpr int64_t kMostSmall = 32 << 20;   // bytes of them that are kept for reuse
constexpr size_t kVeryLarge = 1 << 20;     // from here on the slack of size classes and their number would show

// Stands in front of every block; the block's data starts kAlignment bytes after it.
struct Header {
  size_t size;   // of the whole block with its header
  Header* next;  // of a small block that is kept for reuse
};
static_assert(sizeof(Header) <= kAlignment);

// Eight classes to a power of two: at most 12.5 % of a block is slack.
size_t size_class(size_t size) {
  const int shift = 63 - __builtin_clzll(size) - 3;
  const size_t step = size_t{1} << shift;
  return (size + step - 1) & ~(step - 1);
}

size_t small_size(size_t wanted) { return (wanted + kAlignment - 1) & ~(kAlignment - 1); }

size_t block_size(size_t wanted) {
  const size_t size = wanted < kVeryLarge ? size_class(wanted) : wanted;
  return (size + Arena::kPage - 1) & ~(Arena::kPage - 1);
}

class CachingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) PEA_ALLOCATE_CONST override {
    if (bytes == 0) return {nullptr, nullptr, &release, c10::Device(c10::DeviceType::CPU)};
    void* data = take(bytes);
    return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }

#if TORCH_VERSION_MAJOR >= 2
  void copy_data(void* to, const void* from, std::size_t bytes) const override { std::memcpy(to, from, bytes); }
#endif

  static CachingAllocator& instance() {
    // Never destroyed: tensors may outlive static destructors.
    static auto* allocator = new CachingAllocator;
    return *allocator;
  }

  AllocatorStats stats() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return {in_use_, cached_ + cached_small_ + static_cast<int64_t>(arena_.free_bytes())};
  }

  void empty_cache() {
    const std::lock_guard<std::mutex> lock(mutex_);
    release_cache();
  }

 private:
  void release_cache() {
    for (auto& [size, blocks] : free_) {
      for (void* block : blocks) arena_.give_back(block, size);
      blocks.clear();
    }
    cached_ = 0;
    arena_.release_free();
    release_small();
  }

  void release_small() {
    for (Header*& first : free_small_) {
      while (first != nullptr) std::free(std::exchange(first, first->next));
    }
    cached_small_ = 0;
  }

  void* take(size_t bytes) const { return const_cast<CachingAllocator*>(this)->take_block(bytes); }

  void* take_block(size_t bytes) {
    TORCH_CHECK(bytes <= SIZE_MAX / 2, "cannot allocate ", bytes, " bytes");
    const size_t wanted = bytes + kAlignment;
    const size_t size = small_size(wanted);
    void* block = size < kLarge ? small_block(size) : large_block(block_size(wanted));
    TORCH_CHECK(block != nullptr, "out of memory: cannot allocate ", bytes, " bytes");
    return static_cast<char*>(block) + kAlignment;
  }

  // Kept like the large ones: a step makes the same hundreds of small tensors each time, and aligned blocks leave malloc
  // with pieces in between that it joins and splits at every other call.
  void* small_block(size_t size) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      Header*& first = free_small_[size / kAlignment];
      if (first != nullptr) {
        cached_small_ -= static_cast<int64_t>(size);
        return std::exchange(first, first->next);
      }
    }
    void* block = nullptr;
    if (posix_memalign(&block, kAlignment, size) != 0) {
      empty_cache();
      if (posix_memalign(&block, kAlignment, size) != 0) return nullptr;
    }
    static_cast<Header*>(block)->size = size;
    return block;
  }

  void* large_block(size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    void* block = reuse(size);
    if (block == nullptr) block = arena_.take(size);
    if (block == nullptr) {
      release_cache();
      block = arena_.take(size);
    }
    if (block == nullptr) return nullptr;
    static_cast<Header*>(block)->size = size;
    in_use_ += static_cast<int64_t>(size);
    return block;
  }

  // The block of this size that was freed last: it may still be in the processor's cache.
  void* reuse(size_t size) {
    if (size >= kVeryLarge) return nullptr;
    auto& blocks = free_[size];
    if (blocks.empty()) return nullptr;
    void* block = blocks.back();
    blocks.pop_back();
    cached_ -= static_cast<int64_t>(size);
    return block;
  }

  static void release(void* data) {
    if (data == nullptr) return;
    void* block = static_cast<char*>(data) - kAlignment;
    const size_t size = static_cast<Header*>(block)->size;
    if (size < kLarge) {
      instance().give_back_small(static_cast<Header*>(block));
    } else {
      instance().give_back(block, size);
    }
  }

  void give_back_small(Header* block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto size = static_cast<int64_t>(block->size);
    // Sizes that nobody asks for any more would keep out those in use.
    if (cached_small_ + size > kMostSmall) release_small();
    cached_small_ += size;
    block->next = std::exchange(free_small_[block->size / kAlignment], block);
  }

  void give_back(void* block, size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    in_use_ -= static_cast<int64_t>(size);
    if (size >= kVeryLarge) {
      arena_.give_back(block, size);
    } else {
      free_[size].push_back(block);
      cached_ += static_cast<int64_t>(size);
    }
  }

  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> free_;  // by size, from kLarge to below kVeryLarge
  std::array<Header*, kLarge / kAlignment> free_small_{};  // by size in units of kAlignment
  int64_t cached_small_ = 0;
  Arena arena_;
  int64_t in_use_ = 0;
  int64_t cached_ = 0;  // in free_
};

bool installed = false;

}  // namespace

void install_allocator() {
  static std::once_flag once;
  std::call_once(once, [] {
    const char* choice = std::getenv("PEA_ALLOCATOR");
    if (choice != nullptr && std::strcmp(choice, "system") == 0) return;
    c10::SetCPUAllocator(&CachingAllocator::instance(), /*priority=*/1);
    installed = true;
#ifdef __GLIBC__
    // For scratch memory that libtorch's libraries take by themselves.
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
    mallopt(M_TOP_PAD, 16 << 20);
#endif
  });
}

const char* allocator_name() { return installed ? "caching" : "system"; }

AllocatorStats allocator_stats() { return CachingAllocator::instance().stats(); }

void empty_cache() { CachingAllocator::instance().empty_cache(); }

}  // namespace pea
