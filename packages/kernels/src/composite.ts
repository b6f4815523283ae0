/**
 * The ensemble composed of libtorch's operators: for devices without kernels and for `PEA_KERNELS=off`. The same
 * values and the same masks as the fused operator, at several times its cost.
 *
 * @module
 */
import { call, noGrad, type Tensor } from "@pea/torch";
import type { EnsembleOptions, SmoothName } from "./ensemble-act.ts";
import { reluMask } from "./mask.ts";

const smoothOperators: Record<SmoothName, string> = {
  gelu: "aten::gelu",
  swish: "aten::silu",
  mish: "aten::mish",
  elu: "aten::elu",
};

const isHalf = (x: Tensor) => x.dtype === "bfloat16" || x.dtype === "float16";

/** Elements in memory order with no gap, so that an element's place is its index; others are copied. */
function dense(x: Tensor): Tensor {
  return x.isContiguous() || (x.ndim === 4 && x.isContiguous("channels_last"))
    ? x
    : call("aten::contiguous", x);
}

/** f(x) of paper Eq. 1 or 3, differentiable; shape and dtype of `x`. Half precision is computed in float32. */
export function compositeEnsembleAct(x: Tensor, options: EnsembleOptions): Tensor {
  const { ensemble, smooth, alpha } = options;
  if (isHalf(x)) {
    const wide = compositeEnsembleAct(call("aten::to.dtype", dense(x), "float32"), options);
    return call("aten::to.dtype", wide, x.dtype);
  }
  if (alpha === 1) return call("aten::relu", x);
  const input = dense(x);
  const smoothed = call(smoothOperators[smooth], input);
  if (alpha === 0) return smoothed;
  const rectified = call("aten::relu", input);
  if (ensemble === "stochastic") {
    const mask = noGrad(() => reluMask(input, alpha, options));
    return call("aten::where.self", mask, rectified, smoothed);
  }
  return call("aten::add.Tensor", call("aten::mul.Scalar", smoothed, 1 - alpha), rectified, alpha);
}
