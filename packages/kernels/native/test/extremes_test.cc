#include <limits>

#include "test/harness.h"

namespace pea::test {

void test_extremes(const Capability& capability) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const struct { float low, high; } bounds[] = {{-infinity, infinity}, {0, infinity}, {0, 6}, {-infinity, 2}};
  const std::string name = std::string(capability.name) + " extremes";
  for (const auto& [low, high] : bounds) {
    const auto clamped = [low = low, high = high](float x) { return x < low ? low : x > high ? high : x; };
    for (const int64_t count : {0, 1, 3, 15, 16, 17, 63, 64, 65, 129, 1025}) {
      const Memory<float> x(count);
      const auto value = [&](int64_t i) { return static_cast<float>(9 * std::sin(1.7 * static_cast<double>(i + count))); };
      for (int64_t i = 0; i < count; ++i) x[i] = value(i);
      Extremes expected{infinity, -infinity};
      for (int64_t i = 0; i < count; ++i) {
        expected = {std::min(expected.least, clamped(x[i])), std::max(expected.greatest, clamped(x[i]))};
      }
      const Extremes found = capability.extremes->clamp(x.data(), count, low, high);
      expect(found.least == expected.least && found.greatest == expected.greatest, name);
      for (int64_t i = 0; i < count; ++i) expect(x[i] == clamped(value(i)), name + ", clamped");
    }
    // Each in its turn is the one that counts.
    for (int64_t at = 0; at < 100; ++at) {
      const Memory<float> x(100);
      x[at] = 3;
      expect(capability.extremes->clamp(x.data(), 100, low, high).greatest == clamped(3), name + ", one number");
      x[at] = infinity;
      expect(capability.extremes->clamp(x.data(), 100, low, high).greatest == high, name + ", infinity");
      x[at] = nan;
      const Extremes found = capability.extremes->clamp(x.data(), 100, low, high);
      expect(std::isnan(found.least) && std::isnan(found.greatest) && std::isnan(x[at]), name + ", NaN");
    }
  }
}

}  // namespace pea::test
