#include "extremes/clamp_extremes.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "extremes/extremes_kernel.h"

namespace pea {
namespace {

constexpr char kName[] = "clamp_extremes_";
// Elements that a thread takes at a time.
constexpr int64_t kPartElements = 65536;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

std::tuple<double, double> clamp_extremes_(const at::Tensor& x, c10::optional<double> min, c10::optional<double> max) {
  TORCH_CHECK_TYPE(x.scalar_type() == at::kFloat, kName, ": x must be float32, not ", x.scalar_type());
  TORCH_CHECK_VALUE(x.is_non_overlapping_and_dense(), kName, ": x must lie in memory without gaps and repeats");
  const bool is_changed = min.has_value() || max.has_value();
  TORCH_CHECK(!(is_changed && c10::GradMode::is_enabled() && x.requires_grad()), kName,
              ": x is changed in place and requires a gradient; call it with gradients switched off (no_grad)");
  const auto low = static_cast<float>(min.value_or(-kInfinity)), high = static_cast<float>(max.value_or(kInfinity));
  auto* const data = x.data_ptr<float>();
  const int64_t count = x.numel();
  std::vector<Extremes> parts(at::divup(count, kPartElements));
  at::parallel_for(0, static_cast<int64_t>(parts.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      const int64_t begin = part * kPartElements;
      parts[part] = extremes_kernels().clamp(data + begin, std::min(kPartElements, count - begin), low, high);
    }
  });
  if (is_changed) x.unsafeGetTensorImpl()->bump_version();
  Extremes all{static_cast<float>(kInfinity), static_cast<float>(-kInfinity)};
  for (const Extremes& part : parts) {
    if (std::isnan(part.least)) return {part.least, part.greatest};
    all = {std::min(all.least, part.least), std::max(all.greatest, part.greatest)};
  }
  return {all.least, all.greatest};
}

}  // namespace pea
