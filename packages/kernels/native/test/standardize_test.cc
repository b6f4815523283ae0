#include "test/harness.h"

namespace pea::test {

// Subtraction and division are exact to the rounding in every capability, so that bits must agree.
void test_standardize(const Capability& capability) {
  // One channel to five, over one pixel and over 64.
  for (const int64_t length : {1, 3, 5, 64, 192, 320}) {
    std::vector<float> offset, scale;
    for (int64_t i = 0; i < length; ++i) {
      offset.push_back(123.675f - 7.395f * static_cast<float>(i % 5));
      scale.push_back(58.395f - 1.275f * static_cast<float>(i % 7));
    }
    for (const int64_t count : {int64_t(0), int64_t(1), length - 1, length, length + 1, 3 * length + length / 2,
                                int64_t(1025)}) {
      const Memory<uint8_t> bytes(count);
      const Memory<float> out(count);
      for (int64_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(i * 151);
      capability.standardize->standardize(bytes.data(), out.data(), count, {offset.data(), scale.data(), length});
      for (int64_t i = 0; i < count; ++i) {
        const float expected = (static_cast<float>(bytes[i]) - offset[i % length]) / scale[i % length];
        expect(out[i] == expected, std::string(capability.name) + " standardize, pattern of " + std::to_string(length));
      }
    }
  }
}

}  // namespace pea::test
