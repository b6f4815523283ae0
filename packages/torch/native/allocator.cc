#include "allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "version.h"

namespace pea {
namespace {

constexpr size_t kAlignment = 64;          // a cache line, and what AVX-512 likes
constexpr size_t kLarge = 64 << 10;        // smaller blocks are left to malloc, which reuses them well
constexpr size_t kHugePage = 2 << 20;

// Stands in front of every block; the block's data starts kAlignment bytes after it.
struct Header {
  size_t size;  // of the whole block with its header; 0: from malloc
};
static_assert(sizeof(Header) <= kAlignment);

// Eight classes to a power of two: at most 12.5 % of a block is slack.
size_t size_class(size_t size) {
  const int shift = 63 - __builtin_clzll(size) - 3;
  const size_t step = size_t{1} << shift;
  return (size + step - 1) & ~(step - 1);
}

void* map_block(size_t size) {
  if (size < kHugePage) {
    void* block = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? nullptr : block;
  }
  // Aligned to huge pages, so that the kernel can back the block with them: fewer faults and TLB misses.
  auto* reserved = static_cast<char*>(mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (reserved == MAP_FAILED) return nullptr;
  const size_t head = (kHugePage - reinterpret_cast<uintptr_t>(reserved) % kHugePage) % kHugePage;
  if (head > 0) munmap(reserved, head);
  if (kHugePage > head) munmap(reserved + head + size, kHugePage - head);
  madvise(reserved + head, size, MADV_HUGEPAGE);
  return reserved + head;
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
    return {in_use_, cached_};
  }

  void empty_cache() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto& [size, blocks] : free_) {
      for (void* block : blocks) munmap(block, size);
      blocks.clear();
    }
    cached_ = 0;
  }

 private:
  void* take(size_t bytes) const { return const_cast<CachingAllocator*>(this)->take_block(bytes); }

  void* take_block(size_t bytes) {
    TORCH_CHECK(bytes <= SIZE_MAX / 2, "cannot allocate ", bytes, " bytes");
    const size_t wanted = bytes + kAlignment;
    void* block = wanted < kLarge ? small_block(wanted) : large_block(size_class(wanted));
    TORCH_CHECK(block != nullptr, "out of memory: cannot allocate ", bytes, " bytes");
    return static_cast<char*>(block) + kAlignment;
  }

  static void* small_block(size_t size) {
    void* block = nullptr;
    if (posix_memalign(&block, kAlignment, size) != 0) return nullptr;
    static_cast<Header*>(block)->size = 0;
    return block;
  }

  void* large_block(size_t size) {
    void* block = reuse(size);
    if (block == nullptr) block = map_block(size);
    if (block == nullptr) {
      empty_cache();
      block = map_block(size);
    }
    if (block == nullptr) return nullptr;
    static_cast<Header*>(block)->size = size;
    const std::lock_guard<std::mutex> lock(mutex_);
    in_use_ += static_cast<int64_t>(size);
    return block;
  }

  void* reuse(size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
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
    if (size == 0) {
      std::free(block);
    } else {
      instance().give_back(block, size);
    }
  }

  void give_back(void* block, size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_[size].push_back(block);
    in_use_ -= static_cast<int64_t>(size);
    cached_ += static_cast<int64_t>(size);
  }

  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> free_;
  int64_t in_use_ = 0;
  int64_t cached_ = 0;
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
