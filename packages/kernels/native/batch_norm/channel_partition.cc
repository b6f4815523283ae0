#include "batch_norm/channel_partition.h"

#include <algorithm>
#include <numeric>

namespace pea {
namespace {

constexpr int64_t kPartElements = 65536;
constexpr int64_t kMaxParts = 64;
// Width that rows are brought to by taking several pixels for one: long enough for short loops, short enough for the
// arrays over the columns to stay in the first-level cache and for their sums to cost little.
constexpr int64_t kWidth = 128;
constexpr int64_t kPlaneWidth = 64;
constexpr int64_t kVector = 16;

}  // namespace

int64_t pixels_in_row(int64_t channels) {
  const int64_t aligned = kVector / std::gcd(channels, kVector);
  const int64_t pixels = std::max<int64_t>(kWidth / channels, 1);
  if (pixels >= aligned) return pixels / aligned * aligned;
  return channels * aligned <= 2 * kWidth ? aligned : pixels;
}

ChannelPartition::ChannelPartition(const at::Tensor& x) : channels_(x.size(1)), elements_(x.numel()) {
  const int64_t plane = elements_ / (x.size(0) * channels_);
  interleaved_ = plane == 1 || (x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast));
  if (interleaved_) {
    width_ = channels_ * pixels_in_row(channels_);
    const int64_t rows = (elements_ + width_ - 1) / width_;
    const int64_t wanted = std::clamp<int64_t>(elements_ / kPartElements, 1, kMaxParts);
    part_elements_ = (rows + wanted - 1) / wanted * width_;
    parts_ = (elements_ + part_elements_ - 1) / part_elements_;
    spans_ = 1;
    channel_of_column_.resize(width_);
    for (int64_t column = 0; column < width_; ++column) channel_of_column_[column] = column % channels_;
  } else {
    width_ = std::min(plane, kPlaneWidth);
    part_elements_ = plane;
    parts_ = channels_;
    spans_ = x.size(0);
  }
}

Span ChannelPartition::span(int64_t part, int64_t index) const {
  const int64_t first = (index * channels_ + part) * part_elements_;
  return {first, std::min(part_elements_, elements_ - first)};
}

}  // namespace pea
