import {
  add,
  call,
  cast,
  contiguous,
  elu,
  gelu,
  mish,
  mul,
  relu,
  scope,
  silu,
  type Tensor,
  where,
} from "@pea/torch";
import type { EnsembleActOptions } from "./ensemble-act.ts";
import { ensembleMask } from "./mask.ts";

const smoothFunctions = { gelu, swish: silu, mish, elu };

/**
 * x Φ(x) of plain operators: libtorch 1.13's own gelu computes wrong gradients where the gradient that arrives is
 * channels last and x is not.
 */
const geluOfPlainOperators = (x: Tensor) => mul(x, call("aten::special_ndtr", x));

/**
 * `ensembleAct` composed of plain operators, for every device and twice differentiable: the same masks exactly, the
 * same values within the rounding of float32. Costs several passes over memory and saves more than x for backward.
 * The options are not checked.
 */
export function ensembleActComposite(x: Tensor, options: EnsembleActOptions): Tensor {
  const { ensemble, smooth, alpha } = options;
  return scope(() => {
    if (alpha === 1) return relu(x);
    if (alpha === 0) return smoothFunctions[smooth](x);
    const act = smooth === "gelu" ? geluOfPlainOperators : smoothFunctions[smooth];
    const isHalf = x.dtype === "bfloat16" || x.dtype === "float16";
    // Halves are computed in float32 and rounded once, as the kernels do. Casting what has gaps might choose an order.
    const ordered = dense(x);
    const input = isHalf ? cast(ordered, { dtype: "float32" }) : ordered;
    const mixed =
      ensemble === "weighted"
        ? add(mul(relu(input), alpha), mul(act(input), 1 - alpha))
        : where(maskLike(input, options), relu(input), act(input));
    return isHalf ? cast(mixed, { dtype: x.dtype }) : mixed;
  });
}

/** The mask in the shape and memory order of x, which must be dense. */
function maskLike(x: Tensor, options: EnsembleActOptions): Tensor {
  const mask = ensembleMask(x.numel, { ...options, device: x.device });
  return call("aten::as_strided", mask, x.shape, x.strides);
}

function dense(x: Tensor): Tensor {
  return isDense(x) ? x : contiguous(x);
}

/** Whether the elements lie in memory without gaps and repetitions, in whatever order of dimensions. */
function isDense({ shape, strides, numel }: Tensor): boolean {
  if (numel === 0) return true;
  const byStride = shape
    .map((size, dim) => ({ size, stride: strides[dim] as number }))
    .filter(({ size }) => size > 1)
    .sort((a, b) => a.stride - b.stride);
  let expected = 1;
  for (const { size, stride } of byStride) {
    if (stride !== expected) return false;
    expected *= size;
  }
  return true;
}
