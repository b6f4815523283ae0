// Chooses the fastest kernels that this CPU (and its operating system) runs.
#pragma once

#include "batch_norm_kernel.h"
#include "ensemble_kernel.h"
#include "max_pool_kernel.h"
#include "sgd_kernel.h"
#include "standardize_kernel.h"
#include "winograd_kernel.h"

namespace pea {

const EnsembleKernels& ensemble_kernels();
const BatchNormKernels& batch_norm_kernels();
const MaxPoolKernels& max_pool_kernels();
const SgdKernels& sgd_kernels();
const StandardizeKernels& standardize_kernels();
const WinogradKernels& winograd_kernels();

}  // namespace pea
