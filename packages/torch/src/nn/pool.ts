import type { Pair } from "../ops/conv.ts";
import {
  adaptiveAvgPool2d,
  avgPool2d,
  type MaxPoolOptions,
  maxPool2d,
  type PoolOptions,
} from "../ops/pool.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { checkInput } from "./check-input.ts";
import { ownMaxPool } from "./max-pool-kernel.ts";
import { Module } from "./module.ts";

const imageBatch = ["N", "C", "H", "W"];

/** Largest element of each window of [N, C, H, W]; the padding is −∞. */
export class MaxPool2d extends Module {
  constructor(
    readonly kernelSize: Pair,
    readonly options: MaxPoolOptions = {},
  ) {
    super();
    optionsOf("new MaxPool2d(kernelSize, { stride, padding, dilation, ceilMode })", options);
  }

  forward(input: Tensor): Tensor {
    checkInput(this, input, imageBatch);
    const { kernelSize, options } = this;
    return ownMaxPool(input, kernelSize, options) ?? maxPool2d(input, kernelSize, options);
  }

  override toString(): string {
    return `MaxPool2d(${this.kernelSize})`;
  }
}

/** Mean of each window of [N, C, H, W]. */
export class AvgPool2d extends Module {
  constructor(
    readonly kernelSize: Pair,
    readonly options: PoolOptions & { countIncludePad?: boolean } = {},
  ) {
    super();
    optionsOf("new AvgPool2d(kernelSize, { stride, padding, ceilMode, countIncludePad })", options);
  }

  forward(input: Tensor): Tensor {
    checkInput(this, input, imageBatch);
    return avgPool2d(input, this.kernelSize, this.options);
  }

  override toString(): string {
    return `AvgPool2d(${this.kernelSize})`;
  }
}

/** Means that bring [N, C, H, W] to [N, C, ...outputSize]; 1 is global average pooling. */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly outputSize: Pair) {
    super();
  }

  forward(input: Tensor): Tensor {
    checkInput(this, input, imageBatch);
    return adaptiveAvgPool2d(input, this.outputSize);
  }

  override toString(): string {
    return `AdaptiveAvgPool2d(${this.outputSize})`;
  }
}
