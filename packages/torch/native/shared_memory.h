// Memory that the ranks of one machine share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace pea {

// So many bytes, and what is missing to whole pages.
size_t in_pages(size_t bytes);

// A piece of it as this process sees it, in the same order for all of them: zeros at first.
class SharedRegion {
 public:
  // As mmap maps it: to be released by this object.
  SharedRegion(void* begin, size_t bytes) : begin_(begin), bytes_(bytes) {}
  ~SharedRegion();
  SharedRegion(const SharedRegion&) = delete;
  SharedRegion& operator=(const SharedRegion&) = delete;

  char* begin() const { return static_cast<char*>(begin_); }

 private:
  void* begin_;
  size_t bytes_;
};

// A file without a name (memfd), so that nothing is left of it however the processes end. It grows by the regions that are taken.
class SharedMemory {
 public:
  // Of this process, for others to open.
  static std::unique_ptr<SharedMemory> create(int rank);
  // That of another process of the same user and the same view of processes; throws where it cannot be reached.
  static std::unique_ptr<SharedMemory> open(const std::string& place, int rank);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // Where others open it.
  std::string place() const;

  // The next region; all ranks take the same ones in the same order. Throws where the machine has no memory for it.
  std::shared_ptr<SharedRegion> take(size_t bytes);

  // Whether a rank that has opened it has ended since, or closed it.
  bool has_left(int rank) const;

 private:
  SharedMemory(int file, int rank);

  int file_;
  size_t taken_ = 0;
};

}  // namespace pea
