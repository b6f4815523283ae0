/**
 * Functions of each element that stay as they are where ReLU's place is another's: gates, bounds and slopes.
 * @module
 */
import { full } from "../create.ts";
import { hardsigmoid, hardtanh, leakyRelu, prelu, sigmoid, softmax, tanh } from "../ops/activation.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { Module } from "./module.ts";

/** 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Module {
  forward(input: Tensor): Tensor {
    return sigmoid(input);
  }
}

/** min(max(x / 6 + 1/2, 0), 1). */
export class Hardsigmoid extends Module {
  forward(input: Tensor): Tensor {
    return hardsigmoid(input);
  }
}

/** Hyperbolic tangent. */
export class Tanh extends Module {
  forward(input: Tensor): Tensor {
    return tanh(input);
  }
}

/** min(max(x, min), max), by default between −1 and 1. */
export class Hardtanh extends Module {
  constructor(readonly options: { min?: number; max?: number } = {}) {
    super();
    optionsOf("new Hardtanh({ min, max })", options);
  }

  forward(input: Tensor): Tensor {
    return hardtanh(input, this.options);
  }

  override toString(): string {
    const { min = -1, max = 1 } = this.options;
    return `Hardtanh(${min}, ${max})`;
  }
}

/** x for x > 0, else negativeSlope · x; 0.01 by default. */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  constructor(options: { negativeSlope?: number } = {}) {
    super();
    const { negativeSlope = 0.01 } = optionsOf("new LeakyReLU({ negativeSlope })", options);
    this.negativeSlope = negativeSlope;
  }

  forward(input: Tensor): Tensor {
    return leakyRelu(input, { negativeSlope: this.negativeSlope });
  }

  override toString(): string {
    return `LeakyReLU(${this.negativeSlope})`;
  }
}

/** x for x > 0, else weight · x, with a learned weight [numParameters]: one for all, or one for each channel of [N, C, ...]. */
export class PReLU extends Module {
  readonly weight: Tensor;

  constructor(options: { numParameters?: number; init?: number } = {}) {
    super();
    const { numParameters = 1, init = 0.25 } = optionsOf("new PReLU({ numParameters, init })", options);
    this.weight = this.parameter("weight", full([numParameters], init));
  }

  forward(input: Tensor): Tensor {
    return prelu(input, this.weight);
  }

  override toString(): string {
    return `PReLU(${this.weight.numel})`;
  }
}

/** eˣ / Σ eˣ along `dim`. */
export class Softmax extends Module {
  constructor(readonly dim: number) {
    super();
  }

  forward(input: Tensor): Tensor {
    return softmax(input, this.dim);
  }

  override toString(): string {
    return `Softmax(${this.dim})`;
  }
}
