/**
 * Products of matrices. Shapes or dtypes that do not fit throw a TorchError that names them.
 * @module
 */
import { call } from "../call.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** Matrix product [..., n, k] × [..., k, m] → [..., n, m]; leading dimensions broadcast, vectors are allowed. */
export function matmul(self: Tensor, other: Tensor): Tensor {
  return call("aten::matmul", self, other);
}

/** Matrix product [n, k] × [k, m] → [n, m]. */
export function mm(self: Tensor, other: Tensor): Tensor {
  return call("aten::mm", self, other);
}

/** beta · self + alpha · (a × b): self broadcasts to [n, m], a is [n, k], b is [k, m]. */
export function addmm(
  self: Tensor,
  a: Tensor,
  b: Tensor,
  options: { beta?: number; alpha?: number } = {},
): Tensor {
  const { beta, alpha } = optionsOf("addmm(x, a, b, { beta, alpha })", options);
  return call("aten::addmm", self, a, b, beta, alpha);
}

/** input × weightᵀ + bias: input [..., in], weight [out, in], bias [out] → [..., out]. */
export function linear(input: Tensor, weight: Tensor, options: { bias?: Tensor | null } = {}): Tensor {
  const { bias } = optionsOf("linear(x, weight, { bias })", options);
  return call("aten::linear", input, weight, bias);
}
