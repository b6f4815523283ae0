#include "convolution/frequencies.h"

#include "convolution/images.h"

namespace pea {
namespace {

// What the sums of all parts may take.
constexpr int64_t kSumBytes = 20 << 20;

// Calls body(first channel) for each block of kChannelBlock channels, in parallel.
template <typename Body>
void parallel_channel_blocks(int64_t channels, const Body& body) {
  at::parallel_for(0, channels / kChannelBlock, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) body(block * kChannelBlock);
  });
}

int64_t tiles_of_part(int64_t frequencies, int64_t tiles, int64_t wanted_parts, int64_t outputs, int64_t inputs) {
  const int64_t bytes = frequencies * static_cast<int64_t>(sizeof(float)) * outputs * inputs;
  return at::divup(tiles, std::min(wanted_parts, std::max<int64_t>(kSumBytes / bytes, 1)));
}

}  // namespace

void check_operands(const char* name, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  TORCH_CHECK_TYPE(x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat, name,
                   ": x and weight must be float32, not ", x.scalar_type(), " and ", weight.scalar_type());
  TORCH_CHECK_VALUE(x.size(2) > 0 && x.size(3) > 0, name, ": images must have pixels, not ", x.sizes());
  TORCH_CHECK_VALUE(x.size(1) == weight.size(1), name, ": x has ", x.size(1), " channels and weight takes ",
                    weight.size(1));
  for (const int64_t channels : {weight.size(0), weight.size(1)}) {
    TORCH_CHECK_VALUE(channels > 0 && channels % kChannelBlock == 0, name, ": channels must be a multiple of ",
                      kChannelBlock, ", not ", channels);
  }
  if (!bias.defined()) return;
  TORCH_CHECK_TYPE(bias.scalar_type() == at::kFloat, name, ": bias must be float32, not ", bias.scalar_type());
  TORCH_CHECK_VALUE(bias.dim() == 1 && bias.size(0) == weight.size(0), name, ": bias must be [", weight.size(0),
                    "], not ", bias.sizes());
}

Scratch::Scratch(int64_t count, int64_t frequencies, int64_t rows, int64_t channels, const at::TensorOptions& options)
    : frequencies_(frequencies),
      rows_(rows),
      panels_(panels(channels)),
      frequency_stride_(panels_ * rows * kPanel + 64 / static_cast<int64_t>(sizeof(float))),
      memory_(at::empty({count, frequencies * frequency_stride_}, options)),
      data_(memory_.data_ptr<float>()) {}

Scratch transformed_weights(const at::Tensor& weight, TransformWeights transform, int64_t frequencies, int64_t rows,
                            int64_t columns) {
  const at::Tensor w = Images::channels_last(weight);
  const auto* const from = w.data_ptr<float>();
  const Scratch scratch(1, frequencies, rows, columns, w.options());
  const Matrices u = scratch.by_panels(0);
  parallel_channel_blocks(w.size(0), [&](int64_t output) { transform(from, w.size(1), w.size(1), u, output); });
  return scratch;
}

void multiply_frequencies(const FrequencyPlan& plan, const Matrices& v, const Matrices& u, const Matrices& m,
                          int64_t rows, int64_t inputs, int64_t outputs) {
  for (int64_t frequency = 0; frequency < plan.frequencies; ++frequency) {
    for (int64_t panel = 0; panel < panels(outputs); ++panel) {
      frequency_kernels().multiply(v.at(frequency, 0, 0), v.row_stride, u.at(frequency, panel, 0),
                                   m.at(frequency, panel, 0), rows, inputs, panel_width(outputs, panel), plan.terms);
    }
  }
}

WeightGradientSums::WeightGradientSums(const FrequencyPlan& plan, int64_t tiles, int64_t wanted_parts, int64_t outputs,
                                       int64_t inputs, const at::TensorOptions& options)
    : plan_(plan),
      tiles_(tiles),
      outputs_(outputs),
      inputs_(inputs),
      part_tiles_(tiles_of_part(plan.frequencies, tiles, wanted_parts, outputs, inputs)),
      parts_(at::divup(tiles, part_tiles_)),
      sums_(parts_, plan.frequencies, outputs, inputs, options) {}

void WeightGradientSums::accumulate(const Range& output_panels, const Matrices& d, const Matrices& v,
                                    const Matrices& u, int64_t rows, bool add) const {
  for (int64_t frequency = 0; frequency < plan_.frequencies; ++frequency) {
    for (int64_t panel = output_panels.begin; panel < output_panels.end; ++panel) {
      for (int64_t input_panel = 0; input_panel < panels(inputs_); ++input_panel) {
        frequency_kernels().multiply_transposed(d.at(frequency, panel - output_panels.begin, 0),
                                                v.at(frequency, input_panel, 0),
                                                u.at(frequency, input_panel, panel * kPanel),
                                                panel_width(outputs_, panel), rows, panel_width(inputs_, input_panel),
                                                plan_.terms, add);
      }
    }
  }
}

void WeightGradientSums::sum(TransformWeightGradient transform, float* dw) const {
  parallel_channel_blocks(outputs_, [&](int64_t output) {
    for (int64_t part = 0; part < parts_; ++part) transform(sums_.by_panels(part), inputs_, inputs_, dw, output, part > 0);
  });
}

}  // namespace pea
