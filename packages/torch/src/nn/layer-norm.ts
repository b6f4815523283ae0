import { ones, zeros } from "../create.ts";
import { layerNorm } from "../ops/norm.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { checkInput, type ExpectedShape } from "./check-input.ts";
import { Module } from "./module.ts";

/** (x − mean) / √(variance + eps) · weight + bias over the last axes, whose sizes are `shape`; weight and bias of that shape. */
export class LayerNorm extends Module {
  readonly shape: readonly number[];
  readonly eps: number;
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly #expected: ExpectedShape;

  constructor(shape: number | readonly number[], options: { eps?: number } = {}) {
    super();
    const { eps = 1e-5 } = optionsOf("new LayerNorm(shape, { eps })", options);
    this.shape = [shape].flat();
    this.eps = eps;
    this.weight = this.parameter("weight", ones(this.shape));
    this.bias = this.parameter("bias", zeros(this.shape));
    this.#expected = ["...", ...this.shape];
  }

  /** [..., ...shape] → the same shape. */
  forward(input: Tensor): Tensor {
    checkInput(this, input, this.#expected);
    const { shape, weight, bias, eps } = this;
    return layerNorm(input, shape, { weight, bias, eps });
  }

  override toString(): string {
    return `LayerNorm(${this.shape})`;
  }
}
