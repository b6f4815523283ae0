/**
 * Batch normalization by the mean and variance of what several ranks have.
 *
 * @module
 */
import { detach, noGrad } from "../autograd.ts";
import { ones } from "../create.ts";
import { TorchError } from "../error.ts";
import { cast } from "../ops/cast.ts";
import { addInPlace, mulInPlace } from "../ops/in-place.ts";
import { add, clamp, div, mul, sqrt, sub } from "../ops/pointwise.ts";
import { mean, variance } from "../ops/reduce.ts";
import { cat, narrow } from "../ops/shape.ts";
import type { Tensor } from "../tensor.ts";
import type { BatchNormState } from "./batch-norm-kernel.ts";

/** The sum over ranks of a tensor that has one shape on all, which backward() goes through: `(x) => group.sum(x)`. */
export type SumOverRanks = (x: Tensor) => Tensor;

/** Of the values that all ranks have in a channel. */
interface Moments {
  /** How many there are. */
  count: number;
  /** float64 [channels]. */
  mean: Tensor;
  /** Biased, float64 [channels]. */
  variance: Tensor;
}

/**
 * The state with which a layer in inference computes what it would in training on the inputs of all ranks: mean m and variance
 * v of these in the place of the running ones, which follow them. m and v have no gradient there. It is the weight's, times
 * √((v + eps) / (variance + eps)) = 1, and the bias', plus (m − mean) · weight / √(v + eps) = 0, that go on to mean and variance,
 * and so to the inputs of all ranks.
 *
 * @param input [N, channels, …], N of this rank's own
 * @throws TorchError for one value per channel on all ranks together, which has no variance
 */
export function stateOverRanks(input: Tensor, layer: BatchNormState, sum: SumOverRanks): BatchNormState {
  const { weight, bias, momentum, eps } = layer;
  const moments = momentsOf(input, weight.numel, sum);
  noGrad(() => follow(layer, moments));
  const asWeight = (one: Tensor) => cast(one, { dtype: weight.dtype });
  const [m, v] = [moments.mean, moments.variance].map((one) => asWeight(detach(one))) as [Tensor, Tensor];
  const deviation = sqrt(add(v, eps));
  return {
    weight: mul(weight, div(deviation, sqrt(add(asWeight(moments.variance), eps)))),
    bias: add(bias, mul(sub(m, asWeight(moments.mean)), div(weight, deviation))),
    runningMean: m,
    runningVar: v,
    training: false,
    momentum,
    eps,
    layer,
  };
}

function momentsOf(input: Tensor, channels: number, sum: SumOverRanks): Moments {
  const x = input.dtype === "float64" ? input : cast(input, { dtype: "float32" });
  const dim = [...input.shape.keys()].filter((axis) => axis !== 1);
  const wide = (one: Tensor) => cast(one, { dtype: "float64" });
  const own = { mean: wide(mean(x, { dim })), variance: wide(variance(x, { dim, correction: 0 })) };
  // n, n · mean and n · (variance + mean²) add up; float64 has the variance of float32 in their difference.
  const one = ones([1], { dtype: "float64", device: input.device });
  const ofOne = cat([one, own.mean, add(own.variance, mul(own.mean, own.mean))]);
  const sums = sum(mul(ofOne, input.numel / channels));
  const count = narrow(sums, 0, 0, 1).item() as number;
  if (count === 1)
    throw new TorchError(
      "batch norm over ranks in training needs more than one value per channel, got one on all ranks together; use a larger batch",
    );
  const ofAll = div(narrow(sums, 0, 1, 2 * channels), count);
  const center = narrow(ofAll, 0, 0, channels);
  const square = narrow(ofAll, 0, channels, channels);
  // Not below 0 by rounding.
  return { count, mean: center, variance: clamp(sub(square, mul(center, center)), { min: 0 }) };
}

/** Moves the running statistics, the variance the unbiased one. */
function follow(
  { runningMean, runningVar, momentum }: BatchNormState,
  { count, mean, variance }: Moments,
): void {
  addInPlace(mulInPlace(runningMean, 1 - momentum), mean, { alpha: momentum });
  addInPlace(mulInPlace(runningVar, 1 - momentum), variance, { alpha: (momentum * count) / (count - 1) });
}
