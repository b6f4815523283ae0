/**
 * Elements picked by tensors of positions (int64, or int32 where said). A position outside throws a TorchError.
 * @module
 */
import { call } from "../call.ts";
import type { Tensor } from "../tensor.ts";

/** The slices of `self` along `dim` at the positions in the vector `index` (int64 or int32). */
export function indexSelect(self: Tensor, dim: number, index: Tensor): Tensor {
  return call("aten::index_select", self, dim, index);
}

/** out[i][j] = self[index[i][j]][j] for dim 0, and so on: along `dim`, one position per output element. */
export function gather(self: Tensor, dim: number, index: Tensor): Tensor {
  return call("aten::gather", self, dim, index);
}

/** self[i₀, i₁, …]: one tensor of positions (or a bool mask) per dimension, null for a whole dimension. */
export function index(self: Tensor, indices: readonly (Tensor | null)[]): Tensor {
  return call("aten::index.Tensor", self, indices);
}
