// Chooses the fastest kernels that this CPU (and its operating system) runs.
#pragma once

#include "ensemble_kernel.h"

namespace pea {

const EnsembleKernels& ensemble_kernels();

}  // namespace pea
