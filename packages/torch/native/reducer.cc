#include "reducer.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>

namespace pea {
namespace {

// Gradients begin where a cache line does.
int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

bool go_together(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.device() == b.device();
}

}  // namespace

Reducer::Reducer(std::unique_ptr<BucketSums> sums, const std::vector<at::Tensor>& parameters, int64_t bytes)
    : sums_(std::move(sums)) {
  TORCH_CHECK(!parameters.empty(), "expected at least one parameter");
  for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
    TORCH_CHECK(parameter->is_leaf() && parameter->requires_grad(), "expected leaves that require gradients");
    slots_.push_back({*parameter, 0, {}, {}});
  }
  size_t begin = 0;
  int64_t filled = 0;
  for (size_t i = 0; i < slots_.size(); i++) {
    filled += static_cast<int64_t>(slots_[i].parameter.nbytes());
    const bool is_last = i + 1 == slots_.size();
    if (filled < bytes && !is_last && go_together(slots_[i].parameter, slots_[i + 1].parameter)) continue;
    open_bucket(begin, i + 1);
    begin = i + 1;
    filled = 0;
  }
}

Reducer::~Reducer() { unhook(); }

void Reducer::open_bucket(size_t begin, size_t end) {
  const auto& first = slots_[begin].parameter;
  const int64_t size = first.element_size();
  int64_t numbers = 0;
  std::vector<int64_t> starts;
  for (size_t i = begin; i < end; i++) {
    starts.push_back(numbers);
    numbers += aligned(slots_[i].parameter.numel() * size) / size;
  }
  const auto flat = sums_->open(numbers + static_cast<int64_t>(end - begin), first.options().requires_grad(false));
  for (size_t i = begin; i < end; i++) {
    auto& slot = slots_[i];
    const auto& parameter = slot.parameter;
    const auto part = flat.narrow(0, starts[i - begin], parameter.numel());
    slot.bucket = buckets_.size();
    slot.gradient = parameter.is_non_overlapping_and_dense() ? part.as_strided(parameter.sizes(), parameter.strides())
                                                             : part.view(parameter.sizes());
    slot.flag = flat.select(0, numbers + static_cast<int64_t>(i - begin));
  }
  buckets_.push_back({begin, end, end - begin});
}

void Reducer::start() {
  TORCH_CHECK(hooks_.empty(), "the sums of the step before are not finished");
  for (size_t i = 0; i < slots_.size(); i++) {
    // After all addends: the engine has added up those of one backward().
    auto after = [this, i](const torch::autograd::variable_list& outputs, const torch::autograd::variable_list&) {
      const std::lock_guard<std::mutex> lock(mutex_);
      put(slots_[i]);
      send_full();
      return outputs;
    };
    auto accumulator = torch::autograd::impl::grad_accumulator(slots_[i].parameter);
    const auto key = accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(std::move(after)));
    hooks_.push_back({std::move(accumulator), key});
  }
}

std::vector<BucketSums::Future> Reducer::finish() {
  unhook();
  for (auto& slot : slots_)
    if (!slot.is_in) put(slot);
  send_full();
  for (auto& bucket : buckets_) bucket.missing = bucket.end - bucket.begin;
  for (auto& slot : slots_) slot.is_in = false;
  sent_ = 0;
  return sums_->finish();
}

void Reducer::take(size_t bucket) {
  sums_->receive(bucket);
  for (size_t i = buckets_[bucket].begin; i < buckets_[bucket].end; i++) {
    auto& gradient = slots_[i].parameter.mutable_grad();
    if (!gradient.defined() && slots_[i].flag.item().toDouble() > 0) gradient = slots_[i].gradient;
  }
}

void Reducer::put(Slot& slot) {
  TORCH_CHECK(!slot.is_in, "backward() has come to a parameter twice since start()");
  const c10::NoGradGuard without;
  auto& gradient = slot.parameter.mutable_grad();
  slot.flag.fill_(gradient.defined() ? 1 : 0);
  if (gradient.defined()) {
    slot.gradient.copy_(gradient);
    gradient = slot.gradient;
  } else {
    slot.gradient.zero_();
  }
  slot.is_in = true;
  buckets_[slot.bucket].missing--;
}

void Reducer::send_full() {
  for (; sent_ < buckets_.size() && buckets_[sent_].missing == 0; sent_++) sums_->send(sent_);
}

void Reducer::unhook() {
  for (const auto& [accumulator, key] : hooks_) accumulator->del_post_hook(key);
  hooks_.clear();
}

}  // namespace pea
