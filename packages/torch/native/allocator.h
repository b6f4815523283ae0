// Memory for tensors: blocks are kept and reused instead of going back to the kernel.
//
// The C library returns large blocks to the kernel at every free, so each training step faults all of its memory in
// again, which costs more than many operators; and its aligned allocations cannot be reused exactly (they ask for more
// than they keep), so switching that off makes the heap grow. Here blocks from 64 KiB on come from an arena: below 1 MiB
// in size classes, which are cached, and from there on split and merged (arena.h). Smaller ones are the C library's, and a few
// of each size are kept.
#pragma once

#include <cstdint>

namespace pea {

// Makes this libtorch's CPU allocator, once per process, before any tensor exists. PEA_ALLOCATOR=system skips it.
void install_allocator();

// "caching" or "system".
const char* allocator_name();

struct AllocatorStats {
  int64_t in_use;  // bytes of large blocks that tensors hold
  int64_t cached;  // bytes of all blocks kept for reuse
};

AllocatorStats allocator_stats();

// Gives all cached blocks back: large ones to the kernel, small ones to the C library.
void empty_cache();

}  // namespace pea
