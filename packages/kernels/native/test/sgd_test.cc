#include <algorithm>

#include "test/harness.h"

namespace pea::test {
namespace {

template <typename T>
void test_type(const Capability& capability) {
  for (const double momentum : {0.0, 0.9}) {
    for (const double decay : {0.0, 0.1}) {
      for (const bool nesterov : {false, true}) {
        for (const int64_t count : {0, 1, 7, 16, 33, 1025}) {
          const SgdSettings settings{0.3, momentum, decay, nesterov && momentum > 0};
          std::vector<T> p(count), g(count), v(momentum > 0 ? count : 0);
          for (int64_t i = 0; i < count; ++i) p[i] = std::sin(i), g[i] = std::cos(i);
          for (size_t i = 0; i < v.size(); ++i) v[i] = std::sin(3.0 * i);
          const std::vector<T> p_before = p, v_before = v;
          const int64_t begin = std::min<int64_t>(count, 3);
          capability.sgd->step(element_type<T>, p.data(), g.data(), v.empty() ? nullptr : v.data(), begin, count, settings);
          for (int64_t i = 0; i < count; ++i) {
            const double gradient = g[i] + decay * p_before[i];
            const double velocity = v.empty() ? gradient : momentum * v_before[i] + gradient;
            const double update = settings.nesterov ? gradient + momentum * velocity : velocity;
            const double expected = i < begin ? p_before[i] : p_before[i] - 0.3 * update;
            expect(std::fabs(p[i] - expected) <= 2 * tolerance<T>, std::string(capability.name) + " SGD");
            if (v.empty()) continue;
            const double kept = i < begin ? v_before[i] : velocity;
            expect(std::fabs(v[i] - kept) <= 2 * tolerance<T>, std::string(capability.name) + " SGD's velocity");
          }
        }
      }
    }
  }
}

}  // namespace

void test_sgd(const Capability& capability) {
  test_type<float>(capability);
  test_type<double>(capability);
}

}  // namespace pea::test
