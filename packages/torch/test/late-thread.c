// For settling.test.ts, by LD_PRELOAD: a thread of C++ that has woken the event loop (eight bytes into an eventfd) comes late to whatever
// it does next, as where others want its processor, and says so on stderr. Node.js starts its own threads otherwise.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void* (*Body)(void*);

struct Start {
  Body body;
  void* data;
};

static __thread int is_of_cpp;
static __thread int has_woken;

static void* run(void* data) {
  const struct Start start = *(struct Start*)data;
  free(data);
  is_of_cpp = 1;
  return start.body(start.data);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, Body body, void* data) {
  int (*real)(pthread_t*, const pthread_attr_t*, Body, void*) = dlsym(RTLD_NEXT, "pthread_create");
  Dl_info caller;
  const int is_known = dladdr(__builtin_return_address(0), &caller);
  if (!is_known || strstr(caller.dli_fname, "libstdc++") == NULL) return real(thread, attributes, body, data);
  struct Start* start = malloc(sizeof *start);
  *start = (struct Start){body, data};
  return real(thread, attributes, run, start);
}

ssize_t write(int file, const void* bytes, size_t count) {
  ssize_t (*real)(int, const void*, size_t) = dlsym(RTLD_NEXT, "write");
  const ssize_t written = real(file, bytes, count);
  has_woken = is_of_cpp && count == 8;
  return written;
}

int pthread_mutex_unlock(pthread_mutex_t* mutex) {
  int (*real)(pthread_mutex_t*) = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
  const int result = real(mutex);
  if (has_woken) {
    has_woken = 0;
    if (write(2, "late\n", 5) == 5) usleep(200000);
  }
  return result;
}
