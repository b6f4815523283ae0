import type { Pair } from "../ops/pair.ts";
import {
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  avgPool1d,
  avgPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
} from "../ops/pool.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { checkInput } from "./check-input.ts";
import { ownMaxPool } from "./max-pool-kernel.ts";
import { Module } from "./module.ts";

const imageBatch = ["N", "C", "H", "W"];
const rowBatch = ["N", "C", "L"];

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
    readonly options: AvgPoolOptions = {},
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

/** Largest element of each window of [N, C, L]; the padding is −∞. */
export class MaxPool1d extends Module {
  constructor(
    readonly kernelSize: number,
    readonly options: MaxPoolOptions<number> = {},
  ) {
    super();
    optionsOf("new MaxPool1d(kernelSize, { stride, padding, dilation, ceilMode })", options);
  }

  forward(input: Tensor): Tensor {
    checkInput(this, input, rowBatch);
    return maxPool1d(input, this.kernelSize, this.options);
  }

  override toString(): string {
    return `MaxPool1d(${this.kernelSize})`;
  }
}

/** Mean of each window of [N, C, L]. */
export class AvgPool1d extends Module {
  constructor(
    readonly kernelSize: number,
    readonly options: AvgPoolOptions<number> = {},
  ) {
    super();
    optionsOf("new AvgPool1d(kernelSize, { stride, padding, ceilMode, countIncludePad })", options);
  }

  forward(input: Tensor): Tensor {
    checkInput(this, input, rowBatch);
    return avgPool1d(input, this.kernelSize, this.options);
  }

  override toString(): string {
    return `AvgPool1d(${this.kernelSize})`;
  }
}

/** Means that bring [N, C, L] to [N, C, outputSize]; 1 is global average pooling. */
export class AdaptiveAvgPool1d extends Module {
  constructor(readonly outputSize: number) {
    super();
  }

  forward(input: Tensor): Tensor {
    checkInput(this, input, rowBatch);
    return adaptiveAvgPool1d(input, this.outputSize);
  }

  override toString(): string {
    return `AdaptiveAvgPool1d(${this.outputSize})`;
  }
}
