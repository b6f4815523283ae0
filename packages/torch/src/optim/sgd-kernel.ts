/**
 * Where a fused implementation of SGD's update can be hung in, as with `setBatchNormKernel`. This package has none of
 * its own.
 *
 * @module
 */
import type { Tensor } from "../tensor.ts";

/** The update of one group (formula at `SGD`). The lists are of one length and their tensors pairwise of one shape. */
export interface SGDUpdate {
  /** Changed in place. */
  readonly parameters: readonly Tensor[];
  readonly gradients: readonly Tensor[];
  /** b of each parameter, changed in place; empty where momentum is 0. */
  readonly velocities: readonly Tensor[];
  readonly lr: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** Makes the update and returns true, or returns false for what it does not cover, having changed nothing. */
export type SGDKernel = (update: SGDUpdate) => boolean;

let kernel: SGDKernel | undefined;

/** Lets SGD run on `fused` wherever that covers the parameters, or on plain operators again. */
export function setSGDKernel(fused: SGDKernel | undefined): void {
  kernel = fused;
}

/** Whether there is a kernel and it made the update. */
export function fusedSGD(update: SGDUpdate): boolean {
  return kernel?.(update) ?? false;
}
