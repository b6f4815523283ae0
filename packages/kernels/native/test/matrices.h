// What the tests of convolutions by Winograd's minimal filtering share.
#pragma once

#include "convolution/frequency_kernel.h"
#include "test/harness.h"

namespace pea::test {

// Memory for exactly the matrices, so that the sanitizer sees what goes beyond.
class OwnMatrices {
 public:
  OwnMatrices(int64_t frequencies, int64_t rows, int64_t channels, bool whole_rows = false)
      : frequencies_(frequencies),
        panels_((channels + kPanel - 1) / kPanel),
        memory_(frequencies * panels_ * rows * kPanel) {
    const int64_t width = whole_rows ? panels_ * kPanel : kPanel;
    matrices_ = {memory_.data(), panels_ * rows * kPanel, whole_rows ? kPanel : rows * kPanel, width};
  }

  const Matrices* operator->() const { return &matrices_; }
  const Matrices& operator*() const { return matrices_; }
  int64_t frequencies() const { return frequencies_; }
  int64_t panels() const { return panels_; }

 private:
  int64_t frequencies_, panels_;
  Memory<float> memory_;
  Matrices matrices_;
};

inline int64_t width_of(int64_t channels, int64_t panel) { return std::min(channels - panel * kPanel, kPanel); }

// Products of so many terms are summed at a time: a part of most depths, so that parts are added up.
constexpr int64_t kTestTerms = 20;

// m = v u for each frequency.
inline void multiply(const FrequencyKernels& kernels, const OwnMatrices& v, const OwnMatrices& u, const OwnMatrices& m,
                     int64_t rows, int64_t inputs, int64_t outputs) {
  for (int64_t frequency = 0; frequency < m.frequencies(); ++frequency) {
    for (int64_t panel = 0; panel < m.panels(); ++panel) {
      kernels.multiply(v->at(frequency, 0, 0), v->row_stride, u->at(frequency, panel, 0), m->at(frequency, panel, 0),
                       rows, inputs, width_of(outputs, panel), kTestTerms);
    }
  }
}

// u = dᵀ v, or u += …, for each frequency and one panel of the outputs, of which d has `width` columns.
inline void multiply_transposed(const FrequencyKernels& kernels, const OwnMatrices& d, const OwnMatrices& v,
                                const OwnMatrices& u, int64_t output_panel, int64_t width, int64_t inputs,
                                int64_t rows, bool add) {
  for (int64_t frequency = 0; frequency < u.frequencies(); ++frequency) {
    for (int64_t panel = 0; panel < v.panels(); ++panel) {
      kernels.multiply_transposed(d->at(frequency, 0, 0), v->at(frequency, panel, 0),
                                  u->at(frequency, panel, output_panel * kPanel), width, rows, width_of(inputs, panel),
                                  kTestTerms, add);
    }
  }
}

}  // namespace pea::test
