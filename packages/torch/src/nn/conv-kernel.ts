/**
 * Where another implementation of some convolutions can be hung in, as with `setBatchNormKernel`. This package has none
 * of its own.
 *
 * @module
 */
import { isRecording } from "../call.ts";
import type { Conv2dOptions } from "../ops/conv.ts";
import type { Tensor } from "../tensor.ts";

/** Computes what `conv2d` does, or returns undefined for what it does not cover. */
export type ConvKernel = (input: Tensor, weight: Tensor, options: Conv2dOptions) => Tensor | undefined;

let kernel: ConvKernel | undefined;

/** Lets all `Conv2d` layers run on `own`, except under `recordCalls`, or on libtorch's operator again. */
export function setConvKernel(own: ConvKernel | undefined): void {
  kernel = own;
}

/** The kernel's result, if there is a kernel for it and nobody looks at the operators. */
export function ownConv2d(input: Tensor, weight: Tensor, options: Conv2dOptions): Tensor | undefined {
  return isRecording() ? undefined : kernel?.(input, weight, options);
}
