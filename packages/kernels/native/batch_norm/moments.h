// Mean and variance of each channel, of sums taken part by part about centers of the parts' own.
#pragma once

#include <cstdint>
#include <vector>

#include "simd/element_type.h"

namespace pea {

using Doubles = std::vector<double>;

// Of each channel; squares: Σ (x - mean)².
struct Moments {
  Doubles mean, squares;
};

// Of some values of a channel: how many they are, a center near them, and the sums of x - center and of its square.
struct PartialMoments {
  double count, center, sum, square;
};

// The values of each part have a mean and a Σ (x - their mean)²; they are pooled in two rounds, without the
// cancellation of Σ x² - n mean². for_each(body) calls body(channel, PartialMoments) for all parts, in the same order
// each time.
template <typename ForEach>
Moments pooled_moments(int64_t channels, const ForEach& for_each) {
  Moments pooled{Doubles(channels), Doubles(channels)};
  Doubles counts(channels);
  for_each([&](int64_t c, const PartialMoments& part) {
    pooled.mean[c] += part.count * part.center + part.sum;
    counts[c] += part.count;
  });
  for (int64_t c = 0; c < channels; ++c) pooled.mean[c] /= counts[c];
  for_each([&](int64_t c, const PartialMoments& part) {
    const double from_center = part.sum / part.count;
    const double distance = part.center + from_center - pooled.mean[c];
    pooled.squares[c] += part.square - part.sum * from_center + part.count * distance * distance;
  });
  return pooled;
}

// The moments of a tensor in channels_last, gathered while it is written.
class GatheredMoments {
 public:
  GatheredMoments(int64_t parts, int64_t channels, ElementType type);

  // Pixels of a part, after those given before. Each part is one thread's at a time.
  void add(int64_t part, const void* pixels, int64_t count);

  Moments pooled() const;

 private:
  struct Part {
    int64_t pixels = 0;
    std::vector<char> center;  // of every column, in the type of the arithmetic
    Doubles sums, squares;     // of every column
  };

  void set_center(Part& part, const void* pixels, int64_t count) const;
  double center(const Part& part, int64_t column) const;

  int64_t channels_, width_;
  ElementType type_;
  std::vector<Part> parts_;
};

}  // namespace pea
