#include "batch_norm_kernel.h"

#include <algorithm>
#include <vector>

#include "bfloat16.h"
#include "ensembles.h"
#include "mask_generator.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

// Rows pass through the first-level cache in segments: what one short loop computes the next one finds there, so that
// the loops over element types and those over activations need not multiply.
constexpr int64_t kSegment = 512;
// Rows that are summed in the element type's arithmetic before the sum goes on in double.
constexpr int64_t kBlockRows = 32;

// float for float and bfloat16, double for double.
template <typename T>
using Arithmetic = std::conditional_t<sizeof(T) == sizeof(double), double, float>;

// The activation of arrays, chosen once per span rather than once per segment.
template <typename F>
class ActivationLoops {
 public:
  explicit ActivationLoops(const ActivationOptions& options) : options_(options.ensemble) {
    switch (options.kind) {
      case ActivationKind::kIdentity:
        value_ = identity;
        gradient_ = identity_gradient;
        break;
      case ActivationKind::kRelu:
        value_ = relu_value;
        gradient_ = relu_gradient;
        break;
      case ActivationKind::kEnsemble:
        with_ensemble(options_, [&](auto activation, auto ensemble) {
          using Activation = decltype(activation);
          using Ensemble = decltype(ensemble);
          if constexpr (std::is_same_v<Ensemble, Stochastic>) limit_ = ensemble.limit;
          value_ = ensemble_value<Activation, Ensemble>;
          gradient_ = ensemble_gradient<Activation, Ensemble>;
        });
        renew_key(0);
        break;
    }
  }

  // y = act(z), for elements from this index on. y may be z.
  void value(const F* z, F* y, uint32_t count, int64_t index) {
    renew_key(static_cast<uint32_t>(index >> 32));
    value_(*this, z, y, count, static_cast<uint32_t>(index));
  }

  // dz = grad · act'(z). dz may be z.
  void gradient(const F* grad, const F* z, F* dz, uint32_t count, int64_t index) {
    renew_key(static_cast<uint32_t>(index >> 32));
    gradient_(*this, grad, z, dz, count, static_cast<uint32_t>(index));
  }

 private:
