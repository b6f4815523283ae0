// Work in parts and tiles of neighbours, for convolutions that are products of matrices.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>

#include "convolution/images.h"

namespace pea {

// Parts that threads take, of about so many elements. They depend on the shape alone, so that sums do not depend on the
// number of threads.
constexpr int64_t kPartElements = 65536, kMostParts = 64;
// What the sums of all parts may take.
constexpr int64_t kMostSumBytes = 16 << 20;
// How many parts may have sums of so many bytes each.
inline int64_t parts_with_sums(int64_t sum_bytes) { return std::clamp<int64_t>(kMostSumBytes / sum_bytes, 1, kMostParts); }
// Elements that are worked on at a time: the caches hold them.
constexpr int64_t kTileElements = 8192;

// Pixels or rows of pixels of all images, in parts and tiles of neighbours.
class Tiling {
 public:
  Tiling(int64_t count, int64_t elements_of_each, int64_t least_in_tile, int64_t most_parts = kMostParts) : count_(count) {
    const int64_t wanted = std::clamp<int64_t>(count * elements_of_each / kPartElements, 1, most_parts);
    part_ = std::max<int64_t>(at::divup(count, wanted), 1);
    tile_ = std::min(std::max(kTileElements / elements_of_each, least_in_tile), part_);
  }

  int64_t parts() const { return at::divup(count_, part_); }
  int64_t in_tile() const { return tile_; }

  // Calls body(part) for all parts, in parallel.
  template <typename Body>
  void parallel_parts(const Body& body) const {
    at::parallel_for(0, parts(), 1, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part) body(part);
    });
  }

  // Calls body(part, first, count) for the tiles of a part.
  template <typename Body>
  void for_each_tile(int64_t part, const Body& body) const {
    const int64_t end = std::min((part + 1) * part_, count_);
    for (int64_t tile = part * part_; tile < end; tile += tile_) body(part, tile, std::min(tile_, end - tile));
  }

  // The same for all tiles, part after part in parallel.
  template <typename Body>
  void parallel(const Body& body) const {
    parallel_parts([&](int64_t part) { for_each_tile(part, body); });
  }

 private:
  int64_t count_, part_, tile_;
};

// A matrix [rows, columns] in memory.
class Matrix {
 public:
  Matrix(const at::Tensor& tensor, int64_t columns)
      : data_(static_cast<char*>(tensor.data_ptr())), row_bytes_(columns * tensor.element_size()) {}

  void* row(int64_t index) const { return data_ + index * row_bytes_; }

 private:
  char* data_;
  int64_t row_bytes_;
};

// The pixels of images: as they lie or, tile by tile, computed into memory of the thread's own.
class Tiles {
 public:
  Tiles(const Images& images, int64_t most_pixels)
      : images_(images), channels_(images.tensor().size(1)), plain_(images.tensor(), channels_) {
    if (!images.are_computed()) return;
    tile_elements_ = most_pixels * channels_;
    memory_ = at::empty({at::get_num_threads(), tile_elements_},
                        images.tensor().options().memory_format(c10::nullopt));
  }

  const void* at(int64_t first, int64_t pixels) const {
    if (!images_.are_computed()) return plain_.row(first);
    images_.compute({first * channels_, pixels * channels_}, memory());
    return memory();
  }

  // Where a thread has its computed tile.
  void* memory() const { return Matrix(memory_, tile_elements_).row(at::get_thread_num()); }

 private:
  const Images& images_;
  int64_t channels_;
  Matrix plain_;
  int64_t tile_elements_ = 0;
  at::Tensor memory_;
};

}  // namespace pea
