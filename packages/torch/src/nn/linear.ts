import { empty } from "../create.ts";
import { linear } from "../ops/linear.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { checkInput, type ExpectedShape } from "./check-input.ts";
import * as init from "./init.ts";
import { Module } from "./module.ts";

/** x × weightᵀ + bias; weight [outputFeatures, inputFeatures], bias [outputFeatures]. */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly #expected: ExpectedShape;

  constructor(
    readonly inputFeatures: number,
    readonly outputFeatures: number,
    options: { bias?: boolean } = {},
  ) {
    super();
    const { bias = true } = optionsOf("new Linear(inputFeatures, outputFeatures, { bias })", options);
    this.#expected = ["...", inputFeatures];
    this.weight = this.parameter("weight", init.layerDefault(empty([outputFeatures, inputFeatures])));
    const { fanIn } = init.fans(this.weight);
    this.bias = bias ? this.parameter("bias", init.layerDefault(empty([outputFeatures]), { fanIn })) : null;
  }

  /** [..., inputFeatures] → [..., outputFeatures]. */
  forward(input: Tensor): Tensor {
    checkInput(this, input, this.#expected);
    return linear(input, this.weight, { bias: this.bias });
  }

  override toString(): string {
    return `Linear(${this.inputFeatures}, ${this.outputFeatures})`;
  }
}
