// Winograd's minimal filtering of 3 taps along a line, F(m, 3): m outputs come of m + 2 inputs by m + 2 multiplications
// instead of 3 m,
//
//   y = Aᵀ [(G w) ⊙ (Bᵀ x)],    summed over the input channels before Aᵀ is applied.
//
// The m + 2 places ("frequencies") are the values of polynomials at chosen points. Nested, a line in each line of another,
// they filter rectangles. Transposes give the gradients. Compiled once per CPU capability, as elementary.h. [Lavin and
// Gray, Fast Algorithms for Convolutional Neural Networks, 2015]
#pragma once

#include "convolution/frequency_transforms.h"

namespace pea {
namespace PEA_CAPABILITY {

// F(2, 3), at 0, ±1 and ∞:
//
//   Bᵀ = 1  0 -1  0      G =  1    0    0      Aᵀ = 1  1  1  0
//        0  1  1  0          1/2  1/2  1/2          0  1 -1 -1
//        0 -1  1  0          1/2 -1/2  1/2
//        0  1  0 -1           0    0    1
struct TwoOutputs {
  static constexpr int kOutputs = 2;

  // Bᵀ
  PEA_INLINE static void input(const Floats (&x)[4], Floats (&to)[4]) {
    to[0] = x[0] - x[2];
    to[1] = x[1] + x[2];
    to[2] = x[2] - x[1];
    to[3] = x[1] - x[3];
  }

  // A
  PEA_INLINE static void gradient(const Floats (&dy)[2], Floats (&to)[4]) {
    to[0] = dy[0];
    to[1] = dy[0] + dy[1];
    to[2] = dy[0] - dy[1];
    to[3] = -dy[1];
  }

  // Aᵀ
  PEA_INLINE static void output(const Floats (&m)[4], Floats (&to)[2]) {
    to[0] = m[0] + m[1] + m[2];
    to[1] = m[1] - m[2] - m[3];
  }

  // G
  PEA_INLINE static void filter(const Floats (&w)[3], Floats (&to)[4]) {
    const Floats even = 0.5f * (w[0] + w[2]), odd = 0.5f * w[1];
    to[0] = w[0];
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = w[2];
  }

  // Gᵀ
  PEA_INLINE static void filter_gradient(const Floats (&u)[4], Floats (&to)[3]) {
    const Floats even = 0.5f * (u[1] + u[2]);
    to[0] = u[0] + even;
    to[1] = 0.5f * (u[1] - u[2]);
    to[2] = u[3] + even;
  }
};

// F(4, 3), at 0, ±a, ±b and ∞:
//
//   Bᵀ = a²b²    0   -a²-b²    0     1  0      G = 1/a²b²      0     0       A = 1   0   0   0
//          0  ∓ab²    -b²     ±a     1  0           g_a     ±a g_a  a² g_a       1  ±a  a² ±a³
//          0  ∓a²b    -a²     ±b     1  0           g_b     ±b g_b  b² g_b       1  ±b  b² ±b³
//          0  a²b²     0    -a²-b²   0  1            0         0     1           0   0   0   1
//
// with g_a = 1/(2a²(a² - b²)) and g_b = 1/(2b²(b² - a²)). The usual points ±1 and ±2 round worse than a direct
// convolution by more than twice; these were searched for the least growth of rounding errors (a 0.68, b 1.53) and have
// squares that float32 holds. [Barabasz et al., Error Analysis and Improving the Accuracy of Winograd Convolution for Deep
// Neural Networks, 2020]
class FourOutputs {
 public:
  static constexpr int kOutputs = 4;

  // Bᵀ
  PEA_INLINE static void input(const Floats (&x)[6], Floats (&to)[6]) {
    const Floats even_a = x[4] - kB2 * x[2], odd_a = x[3] - kB2 * x[1];
    const Floats even_b = x[4] - kA2 * x[2], odd_b = x[3] - kA2 * x[1];
    to[0] = kA2 * kB2 * x[0] + (x[4] - (kA2 + kB2) * x[2]);
    to[1] = even_a + kA * odd_a;
    to[2] = even_a - kA * odd_a;
    to[3] = even_b + kB * odd_b;
    to[4] = even_b - kB * odd_b;
    to[5] = kA2 * kB2 * x[1] + (x[5] - (kA2 + kB2) * x[3]);
  }

  // A
  PEA_INLINE static void gradient(const Floats (&dy)[4], Floats (&to)[6]) {
    const Floats even_a = dy[0] + kA2 * dy[2], odd_a = dy[1] + kA2 * dy[3];
    const Floats even_b = dy[0] + kB2 * dy[2], odd_b = dy[1] + kB2 * dy[3];
    to[0] = dy[0];
    to[1] = even_a + kA * odd_a;
    to[2] = even_a - kA * odd_a;
    to[3] = even_b + kB * odd_b;
    to[4] = even_b - kB * odd_b;
    to[5] = dy[3];
  }

  // Aᵀ
  PEA_INLINE static void output(const Floats (&m)[6], Floats (&to)[4]) {
    const Floats even_a = m[1] + m[2], odd_a = kA * (m[1] - m[2]);
    const Floats even_b = m[3] + m[4], odd_b = kB * (m[3] - m[4]);
    to[0] = m[0] + even_a + even_b;
    to[1] = odd_a + odd_b;
    to[2] = kA2 * even_a + kB2 * even_b;
    to[3] = m[5] + kA2 * odd_a + kB2 * odd_b;
  }

  // G
  PEA_INLINE static void filter(const Floats (&w)[3], Floats (&to)[6]) {
    const Floats even_a = kAFactor * (w[0] + kA2 * w[2]), odd_a = kAFactor * kA * w[1];
    const Floats even_b = kBFactor * (w[0] + kB2 * w[2]), odd_b = kBFactor * kB * w[1];
    to[0] = kZeroFactor * w[0];
    to[1] = even_a + odd_a;
    to[2] = even_a - odd_a;
    to[3] = even_b + odd_b;
    to[4] = even_b - odd_b;
    to[5] = w[2];
  }

  // Gᵀ
  PEA_INLINE static void filter_gradient(const Floats (&u)[6], Floats (&to)[3]) {
    const Floats even_a = kAFactor * (u[1] + u[2]), odd_a = kAFactor * kA * (u[1] - u[2]);
    const Floats even_b = kBFactor * (u[3] + u[4]), odd_b = kBFactor * kB * (u[3] - u[4]);
    to[0] = kZeroFactor * u[0] + even_a + even_b;
    to[1] = odd_a + odd_b;
    to[2] = kA2 * even_a + kB2 * even_b + u[5];
  }

 private:
  static constexpr double kSquareA = 0.6875 * 0.6875, kSquareB = 1.5 * 1.5;
  static constexpr float kA = 0.6875f, kB = 1.5f, kA2 = kSquareA, kB2 = kSquareB;
  static constexpr float kZeroFactor = 1 / (kSquareA * kSquareB), kAFactor = 1 / (2 * kSquareA * (kSquareA - kSquareB)),
                         kBFactor = 1 / (2 * kSquareB * (kSquareB - kSquareA));
};

}  // namespace PEA_CAPABILITY
}  // namespace pea
