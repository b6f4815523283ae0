// The address space that large blocks come from: first fit by address, with splitting and merging, so that what one layer
// freed serves the next one whatever its size, and what is free gathers at the end. Blocks of one size each, as caches
// usually keep them, hold a third more memory than a training step needs at once.
#pragma once

#include <cstddef>
#include <map>

namespace pea {

// Not synchronized. Blocks are multiples of kPage and begin at such.
class Arena {
 public:
  static constexpr size_t kPage = 4096;

  // A block of `size` bytes, a multiple of kPage; null when the system has no more memory.
  void* take(size_t size);

  void give_back(void* block, size_t size);

  // Returns free blocks to the kernel.
  void release_free();

  // Bytes of blocks that were given back.
  size_t free_bytes() const { return free_bytes_; }

 private:
  void* take_free(size_t size);
  void* take_fresh(size_t size);
  bool add_segment(size_t size);
  void insert(char* block, size_t size);
  void erase(std::map<char*, size_t>::iterator block);

  std::map<char*, size_t> free_;  // sizes by address
  size_t free_bytes_ = 0;
  // What the youngest segment has left that was never used, and so takes no memory yet.
  char* fresh_ = nullptr;
  char* fresh_end_ = nullptr;
};

}  // namespace pea
