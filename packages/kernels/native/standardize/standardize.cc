#include "standardize/standardize.h"

#include <ATen/Parallel.h>

#include <vector>

#include "standardize/standardize_kernel.h"

namespace pea {
namespace {

constexpr char kName[] = "standardize";
// Pixels a pattern goes over: with any number of channels a multiple of the longest vector.
constexpr int64_t kPatternPixels = 64;
// Pixels below which another thread costs more than it saves.
constexpr int64_t kGrain = 16384;

std::vector<float> repeat(at::ArrayRef<double> values) {
  std::vector<float> pattern;
  for (int64_t pixel = 0; pixel < kPatternPixels; ++pixel) pattern.insert(pattern.end(), values.begin(), values.end());
  return pattern;
}

}  // namespace

at::Tensor standardize(const at::Tensor& images, at::ArrayRef<double> offset, at::ArrayRef<double> scale) {
  TORCH_CHECK_TYPE(images.scalar_type() == at::kByte, kName, ": images must be uint8, not ", images.scalar_type());
  TORCH_CHECK_VALUE(images.dim() == 4, kName, ": images must be [B, C, H, W], not ", images.sizes());
  const int64_t channels = images.size(1);
  TORCH_CHECK_VALUE(static_cast<int64_t>(offset.size()) == channels && static_cast<int64_t>(scale.size()) == channels,
                    kName, ": images of ", channels, " channels need as many offsets and scales, not ", offset.size(),
                    " and ", scale.size());
  const at::Tensor bytes = images.contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor out = at::empty(images.sizes(), images.options().dtype(at::kFloat), at::MemoryFormat::ChannelsLast);
  if (out.numel() == 0) return out;
  const std::vector<float> offsets = repeat(offset), scales = repeat(scale);
  const StandardizePattern pattern{offsets.data(), scales.data(), static_cast<int64_t>(offsets.size())};
  const uint8_t* const from = bytes.data_ptr<uint8_t>();
  float* const to = out.data_ptr<float>();
  at::parallel_for(0, out.numel() / channels, kGrain, [&](int64_t begin, int64_t end) {
    standardize_kernels().standardize(from + begin * channels, to + begin * channels, (end - begin) * channels, pattern);
  });
  return out;
}

}  // namespace pea
