/**
 * Merging branches into the convolution and the batch norm that they stand beside.
 *
 * @module
 */
import {
  add,
  type BatchNorm2d,
  batchNormAffine,
  type Conv2d,
  cast,
  fullLike,
  mul,
  noGrad,
  pad,
  reshape,
  type Tensor,
  tensor,
  zerosLike,
} from "@pea/torch";
import type { Branches } from "./branches.ts";

/** A layer with branches. */
export interface BranchedLayer {
  readonly conv: Conv2d;
  readonly norm: BatchNorm2d;
  readonly branches: Branches;
}

/** What its plain convolution and batch norm are to hold. */
export interface MergedLayer {
  readonly conv: { readonly weight: Tensor; readonly bias?: Tensor };
  readonly norm: Readonly<Record<"weight" | "bias" | "running_mean" | "running_var", Tensor>>;
}

/** A kernel, and what is added to its result for each channel, in float64. */
interface Affine {
  readonly kernel: Tensor;
  readonly shift: Tensor;
}

/**
 * The convolution that computes all branches at once: with s = γ / √(variance + ε) of each branch's batch norm its kernel is
 * Σ s · kernel, where that of a 1×1 and of the identity lie in the middle, and its shift Σ (β − s · mean). The batch norm behind it
 * does no more than add the shift; `settleIdleNorms` gives it statistics where a run begins with it. Computed in float64 and rounded once.
 */
export function merge({ conv, norm, branches }: BranchedLayer): MergedLayer {
  return noGrad(() => {
    const parts = [
      normalized(conv.weight, norm, conv.bias),
      ...branches.convolutions.map((branch) => normalized(inMiddle(branch.conv.weight, conv), branch.norm)),
      ...(branches.identity ? [normalized(identityKernel(conv), branches.identity)] : []),
    ];
    const { kernel, shift } = parts.reduce((sum, part) => ({
      kernel: add(sum.kernel, part.kernel),
      shift: add(sum.shift, part.shift),
    }));
    const { dtype } = conv.weight;
    return {
      conv: { weight: cast(kernel, { dtype }), ...(conv.bias && { bias: zerosLike(conv.bias) }) },
      norm: {
        weight: fullLike(norm.weight, 1),
        bias: cast(shift, { dtype }),
        running_mean: zerosLike(norm.runningMean),
        running_var: fullLike(norm.runningVar, 1 - norm.eps),
      },
    };
  });
}

/** A convolution and its batch norm as one. */
function normalized(kernel: Tensor, norm: BatchNorm2d, bias: Tensor | null = null): Affine {
  const { scale, shift } = batchNormAffine(norm, bias);
  return { kernel: mul(kernel, reshape(scale, [-1, 1, 1, 1])), shift };
}

/** A kernel in the middle of one of the convolution's size. */
function inMiddle(kernel: Tensor, { kernelSize }: Conv2d): Tensor {
  const [height = 1, width = 1] = kernel.shape
    .slice(2)
    .map((size, axis) => ((kernelSize[axis] as number) - size) / 2);
  return pad(kernel, [width, width, height, height]);
}

/** The kernel that gives each channel as it is: a 1 in the middle of its own input. */
function identityKernel({ weight, outputChannels }: Conv2d): Tensor {
  const [, perGroup = 1, height = 1, width = 1] = weight.shape;
  const size = height * width;
  const values = new Float64Array(weight.numel);
  for (let channel = 0; channel < outputChannels; channel++)
    values[(channel * perGroup + (channel % perGroup)) * size + (size - 1) / 2] = 1;
  return cast(tensor(values, { shape: weight.shape }), { device: weight.device });
}
