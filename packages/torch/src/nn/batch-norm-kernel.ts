/**
 * Where a fused implementation of batch normalization can be hung in. This package has none of its own: a library of
 * kernels sets one (`setBatchNormKernel`), and the layers use it wherever nobody looks at the steps in between.
 *
 * @module
 */
import { isRecording } from "../call.ts";
import type { Tensor } from "../tensor.ts";
import type { Module } from "./module.ts";
import { hasForwardHooks } from "./on-forward.ts";

/** What a batch normalization layer holds; its tensors are [channels]. */
export interface BatchNormState {
  readonly weight: Tensor;
  readonly bias: Tensor;
  /** In training updated in place, in inference used. */
  readonly runningMean: Tensor;
  /** In training updated in place with the unbiased variance, in inference used. */
  readonly runningVar: Tensor;
  readonly training: boolean;
  readonly momentum: number;
  readonly eps: number;
  /** The layer, where this is its state for one pass alone. */
  readonly layer?: object;
}

/** What comes after the normalization: activation(normalized [+ residual]). */
export interface AfterBatchNorm {
  /** A tensor of the input's shape that is added. */
  residual?: Tensor;
  /** None: the sum is the result. */
  activation?: Module;
}

/** Computes the whole in its own way, or returns undefined for what it does not cover, having changed nothing. */
export type BatchNormKernel = (
  input: Tensor,
  state: BatchNormState,
  after: AfterBatchNorm,
) => Tensor | undefined;

let kernel: BatchNormKernel | undefined;

/**
 * Lets all batch normalization layers run on `fused`, or on plain operators again. Plain operators always run where
 * `recordCalls` listens and where the activation has an `onForward` hook, so that both see each step.
 */
export function setBatchNormKernel(fused: BatchNormKernel | undefined): void {
  kernel = fused;
}

/** The fused result, if there is a kernel for it and nobody looks at the steps. */
export function fusedBatchNorm(
  input: Tensor,
  state: BatchNormState,
  after: AfterBatchNorm,
): Tensor | undefined {
  if (kernel === undefined || isRecording()) return undefined;
  if (after.activation !== undefined && hasForwardHooks(after.activation)) return undefined;
  return kernel(input, state, after);
}
