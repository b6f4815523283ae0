#include "batch_norm/moments.h"

#include <algorithm>

#include "batch_norm/batch_norm_kernel.h"
#include "batch_norm/channel_partition.h"

namespace pea {
namespace {

int64_t bytes_of(ElementType type) { return type == ElementType::kFloat64 ? sizeof(double) : sizeof(float); }

}  // namespace

GatheredMoments::GatheredMoments(int64_t parts, int64_t channels, ElementType type)
    : channels_(channels), width_(channels * pixels_in_row(channels)), type_(type), parts_(parts) {}

void GatheredMoments::add(int64_t index, const void* pixels, int64_t count) {
  Part& part = parts_[index];
  if (part.pixels == 0) set_center(part, pixels, count);
  part.pixels += count;
  const Columns columns{width_, part.center.data(), nullptr, nullptr, nullptr, nullptr};
  batch_norm_kernels().moments(type_, pixels, {0, count * channels_}, columns, part.sums.data(), part.squares.data());
}

// The mean of each channel of these pixels, in the type of the arithmetic.
void GatheredMoments::set_center(Part& part, const void* pixels, int64_t count) const {
  part.center.assign(width_ * bytes_of(type_), 0);
  part.sums.assign(width_, 0);
  part.squares.assign(width_, 0);
  const Columns columns{width_, part.center.data(), nullptr, nullptr, nullptr, nullptr};
  batch_norm_kernels().moments(type_, pixels, {0, count * channels_}, columns, part.sums.data(), part.squares.data());
  for (int64_t column = channels_; column < width_; ++column) part.sums[column % channels_] += part.sums[column];
  for (int64_t column = 0; column < width_; ++column) {
    const double mean = part.sums[column % channels_] / static_cast<double>(count);
    if (type_ == ElementType::kFloat64) reinterpret_cast<double*>(part.center.data())[column] = mean;
    else reinterpret_cast<float*>(part.center.data())[column] = static_cast<float>(mean);
  }
  std::fill(part.sums.begin(), part.sums.end(), 0);
  std::fill(part.squares.begin(), part.squares.end(), 0);
}

double GatheredMoments::center(const Part& part, int64_t channel) const {
  if (type_ == ElementType::kFloat64) return reinterpret_cast<const double*>(part.center.data())[channel];
  return reinterpret_cast<const float*>(part.center.data())[channel];
}

Moments GatheredMoments::pooled() const {
  return pooled_moments(channels_, [&](const auto& body) {
    for (const Part& part : parts_) {
      if (part.pixels == 0) continue;
      for (int64_t c = 0; c < channels_; ++c) {
        PartialMoments of{static_cast<double>(part.pixels), center(part, c), 0, 0};
        for (int64_t column = c; column < width_; column += channels_) {
          of.sum += part.sums[column];
          of.square += part.squares[column];
        }
        body(c, of);
      }
    }
  });
}

}  // namespace pea
