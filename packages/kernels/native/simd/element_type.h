// The types of elements that have kernels.
#pragma once

namespace pea {

enum class ElementType { kFloat32, kBFloat16, kFloat64 };

}  // namespace pea
