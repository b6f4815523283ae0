#include "arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace pea {
namespace {

constexpr size_t kHugePage = 2 << 20;
// Address space only: the kernel gives memory where it is first touched.
constexpr size_t kSegment = 256 << 20;

// Aligned to huge pages, so that the kernel can back it with them: fewer faults and TLB misses.
char* map_segment(size_t size) {
  void* reserved = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  auto* start = static_cast<char*>(reserved);
  const size_t head = (kHugePage - reinterpret_cast<uintptr_t>(start) % kHugePage) % kHugePage;
  if (head > 0) munmap(start, head);
  if (kHugePage > head) munmap(start + head + size, kHugePage - head);
  madvise(start + head, size, MADV_HUGEPAGE);
  return start + head;
}

}  // namespace

void* Arena::take(size_t size) {
  void* block = take_free(size);
  return block == nullptr ? take_fresh(size) : block;
}

void Arena::give_back(void* block, size_t size) {
  auto* start = static_cast<char*>(block);
  const auto next = free_.lower_bound(start);
  const auto previous = next == free_.begin() ? free_.end() : std::prev(next);
  if (next != free_.end() && next->first == start + size) {
    size += next->second;
    erase(next);
  }
  if (previous != free_.end() && previous->first + previous->second == start) {
    start = previous->first;
    size += previous->second;
    erase(previous);
  }
  insert(start, size);
}

void Arena::release_free() {
  for (const auto& [block, size] : free_) munmap(block, size);
  free_.clear();
  free_bytes_ = 0;
}

void* Arena::take_free(size_t size) {
  auto first = free_.begin();
  while (first != free_.end() && first->second < size) ++first;
  if (first == free_.end()) return nullptr;
  const auto [block, found] = *first;
  erase(first);
  if (found > size) insert(block + size, found - size);
  return block;
}

// From the unused end of a segment, together with the free block before it.
void* Arena::take_fresh(size_t size) {
  auto last = fresh_ == nullptr ? free_.end() : free_.lower_bound(fresh_);
  last = last == free_.begin() ? free_.end() : std::prev(last);
  const bool adjoins = fresh_ != nullptr && last != free_.end() && last->first + last->second == fresh_;
  const size_t missing = adjoins ? size - last->second : size;
  if (static_cast<size_t>(fresh_end_ - fresh_) < missing) return add_segment(size) ? take_fresh(size) : nullptr;
  char* const block = fresh_ + missing - size;
  fresh_ += missing;
  if (adjoins) erase(last);
  return block;
}

bool Arena::add_segment(size_t size) {
  const size_t length = std::max(kSegment, (size + kHugePage - 1) / kHugePage * kHugePage);
  char* const segment = map_segment(length);
  if (segment == nullptr) return false;
  if (fresh_ != fresh_end_) munmap(fresh_, static_cast<size_t>(fresh_end_ - fresh_));
  fresh_ = segment;
  fresh_end_ = segment + length;
  return true;
}

void Arena::insert(char* block, size_t size) {
  free_.emplace(block, size);
  free_bytes_ += size;
}

void Arena::erase(std::map<char*, size_t>::iterator block) {
  free_bytes_ -= block->second;
  free_.erase(block);
}

}  // namespace pea
