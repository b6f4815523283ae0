// How a tensor [N, C, …] is cut into parts that threads take, each part a few spans of rows of columns (see
// batch_norm_kernel.h). The parts depend on the shape alone, so that sums do not depend on the number of threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "batch_norm/batch_norm_kernel.h"

namespace pea {

// How many pixels of so many channels make a row in channels_last; if possible so many that each row begins at a
// multiple of the vectors' length.
int64_t pixels_in_row(int64_t channels);

class ChannelPartition {
 public:
  // x is contiguous in channels_last or in the usual order.
  explicit ChannelPartition(const at::Tensor& x);

  int64_t channels() const { return channels_; }
  int64_t parts() const { return parts_; }
  int64_t width() const { return width_; }
  // Whether column j is of channel j % channels in every part; else part p is of channel p alone.
  bool interleaved() const { return interleaved_; }
  int64_t channel(int64_t part, int64_t column) const { return interleaved_ ? channel_of_column_[column] : part; }

  // The spans of a part are of one length.
  int64_t spans() const { return spans_; }
  Span span(int64_t part, int64_t index) const;

  // Calls body(part, column, channel, rows that reach the column) for every column that has rows.
  template <typename Body>
  void for_each_column(const Body& body) const {
    for (int64_t part = 0; part < parts_; ++part) {
      const int64_t count = span(part, 0).count;
      const int64_t full = spans_ * (count / width_), cut = count % width_;
      const int64_t columns = full > 0 ? width_ : cut;
      for (int64_t column = 0; column < columns; ++column) {
        body(part, column, channel(part, column), full + (column < cut ? spans_ : 0));
      }
    }
  }

 private:
  bool interleaved_;
  int64_t channels_, elements_, width_, parts_, spans_, part_elements_;
  std::vector<int64_t> channel_of_column_;
};

}  // namespace pea
