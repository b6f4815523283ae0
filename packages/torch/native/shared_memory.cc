#include "shared_memory.h"

#include <c10/util/Exception.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pea {
namespace {

std::string reason() { return std::strerror(errno); }

// The byte that a rank keeps locked. The kernel releases it with the process, even of one that nobody has waited for yet.
struct flock byte_of(int rank, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = rank;
  lock.l_len = 1;
  return lock;
}

}  // namespace

size_t in_pages(size_t bytes) {
  const size_t page = sysconf(_SC_PAGESIZE);
  return (bytes + page - 1) / page * page;
}

SharedRegion::~SharedRegion() { munmap(begin_, bytes_); }

std::unique_ptr<SharedMemory> SharedMemory::create(int rank) {
  const int file = memfd_create("pea", MFD_CLOEXEC);
  TORCH_CHECK(file >= 0, "no shared memory: ", reason());
  return std::unique_ptr<SharedMemory>(new SharedMemory(file, rank));
}

std::unique_ptr<SharedMemory> SharedMemory::open(const std::string& place, int rank) {
  const int file = ::open(place.c_str(), O_RDWR | O_CLOEXEC);
  TORCH_CHECK(file >= 0, place, ": ", reason());
  return std::unique_ptr<SharedMemory>(new SharedMemory(file, rank));
}

SharedMemory::SharedMemory(int file, int rank) : file_(file) {
  auto lock = byte_of(rank, F_WRLCK);
  if (fcntl(file_, F_OFD_SETLK, &lock) == 0) return;
  const std::string why = reason();
  close(file_);
  TORCH_CHECK(false, "the shared memory cannot be locked: ", why);
}

SharedMemory::~SharedMemory() { close(file_); }

std::string SharedMemory::place() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file_); }

std::shared_ptr<SharedRegion> SharedMemory::take(size_t bytes) {
  const size_t whole = in_pages(bytes);
  // Pages are had here: a machine without memory for them would end the process when they are touched.
  const int error = posix_fallocate(file_, static_cast<off_t>(taken_), static_cast<off_t>(whole));
  TORCH_CHECK(error == 0, "no ", whole, " bytes of shared memory: ", std::strerror(error));
  void* begin = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_SHARED, file_, static_cast<off_t>(taken_));
  TORCH_CHECK(begin != MAP_FAILED, "no ", whole, " bytes of shared memory: ", reason());
  taken_ += whole;
  return std::make_shared<SharedRegion>(begin, whole);
}

bool SharedMemory::has_left(int rank) const {
  auto lock = byte_of(rank, F_WRLCK);
  return fcntl(file_, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

}  // namespace pea
