/**
 * Batch normalization in inference: of each channel a multiple, and something added.
 *
 * @module
 */
import { cast } from "../ops/cast.ts";
import { add, div, mul, sqrt, sub } from "../ops/pointwise.ts";
import type { Tensor } from "../tensor.ts";
import type { BatchNormState } from "./batch-norm-kernel.ts";

/** scale · x + shift; both are [channels], in float64. */
export interface BatchNormAffine {
  readonly scale: Tensor;
  readonly shift: Tensor;
}

/**
 * What batch normalization computes in inference of a convolution's result before the convolution's bias b is added:
 * scale = γ / √(variance + ε), shift = β + scale · (b − mean).
 *
 * @param convolutionBias [channels]; null: none
 */
export function batchNormAffine(
  state: BatchNormState,
  convolutionBias: Tensor | null = null,
): BatchNormAffine {
  const [weight, bias, mean, variance] = [state.weight, state.bias, state.runningMean, state.runningVar].map(
    wide,
  ) as [Tensor, Tensor, Tensor, Tensor];
  const scale = div(weight, sqrt(add(variance, state.eps)));
  const offset = convolutionBias === null ? mul(mean, -1) : sub(wide(convolutionBias), mean);
  return { scale, shift: add(bias, mul(scale, offset)) };
}

function wide(one: Tensor): Tensor {
  return cast(one, { dtype: "float64" });
}
