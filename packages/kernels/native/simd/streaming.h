// Stores that bypass the caches: for results larger than those, which would otherwise be read from memory first and
// drive out what is still needed. Compiled once per CPU capability, as elementary.h.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "simd/elementary.h"

namespace pea {
namespace PEA_CAPABILITY {

// Copies `bytes` bytes to memory that is aligned to 64; from too.
PEA_INLINE void stream(void* to, const void* from, uint32_t bytes) {
#if defined(__SSE2__)
  auto* target = static_cast<char*>(to);
  auto* source = static_cast<const char*>(from);
  const uint32_t whole = bytes & ~63u;
  for (uint32_t i = 0; i < whole; i += 64) {
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(target + i), _mm512_load_si512(source + i));
#else
    for (uint32_t j = i; j < i + 64; j += 16) {
      _mm_stream_si128(reinterpret_cast<__m128i*>(target + j),
                       _mm_load_si128(reinterpret_cast<const __m128i*>(source + j)));
    }
#endif
  }
  std::memcpy(target + whole, source + whole, bytes - whole);
#else
  std::memcpy(to, from, bytes);
#endif
}

// What was streamed is visible to other threads once these synchronize.
PEA_INLINE void end_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace PEA_CAPABILITY
}  // namespace pea
