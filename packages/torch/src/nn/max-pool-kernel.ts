/**
 * Where another implementation of max pooling can be hung in, as with `setBatchNormKernel`. This package has none of its
 * own.
 *
 * @module
 */
import { isRecording } from "../call.ts";
import type { Pair } from "../ops/pair.ts";
import type { MaxPoolOptions } from "../ops/pool.ts";
import type { Tensor } from "../tensor.ts";

/** Computes what `maxPool2d` does, or returns undefined for what it does not cover. */
export type MaxPoolKernel = (input: Tensor, kernelSize: Pair, options: MaxPoolOptions) => Tensor | undefined;

let kernel: MaxPoolKernel | undefined;

/** Lets all `MaxPool2d` layers run on `own`, except under `recordCalls`, or on libtorch's operator again. */
export function setMaxPoolKernel(own: MaxPoolKernel | undefined): void {
  kernel = own;
}

/** The kernel's result, if there is a kernel for it and nobody looks at the operators. */
export function ownMaxPool(input: Tensor, kernelSize: Pair, options: MaxPoolOptions): Tensor | undefined {
  return isRecording() ? undefined : kernel?.(input, kernelSize, options);
}
