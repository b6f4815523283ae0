#include "convolution/frequency_kernel.h"

#include "simd/elements.h"
#include "simd/product.h"

namespace pea {
namespace PEA_CAPABILITY {
namespace {

template <Layout kLayout>
void multiply_in_parts(Product<float> product, int64_t terms, bool add) {
  for (int64_t left = product.depth; left > 0; left -= product.depth) {
    product.depth = smaller(left, terms);
    if (add) multiply_matrices<kLayout, true>(product);
    else multiply_matrices<kLayout, false>(product);
    product.a += product.depth * (kLayout == Layout::kColumns ? product.a_stride : 1);
    product.b += product.depth * product.b_stride;
    add = true;
  }
}

void multiply(const float* a, int64_t stride, const float* b, float* c, int64_t rows, int64_t depth, int64_t width,
              int64_t terms) {
  multiply_in_parts<Layout::kRows>(Product<float>{a, stride, b, kPanel, c, kPanel, rows, depth, width}, terms, /*add=*/false);
}

void multiply_transposed(const float* a, const float* b, float* c, int64_t rows, int64_t depth, int64_t width,
                         int64_t terms, bool add) {
  multiply_in_parts<Layout::kColumns>(Product<float>{a, kPanel, b, kPanel, c, kPanel, rows, depth, width}, terms, add);
}

}  // namespace

const FrequencyKernels frequency_kernels = {multiply, multiply_transposed};

}  // namespace PEA_CAPABILITY
}  // namespace pea
