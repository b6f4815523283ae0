/**
 * Activation functions as modules: one instance per place in a network, so that each can be found by its path
 * and replaced. None holds a tensor, so none adds keys to a state dict.
 * @module
 */
import { TorchError } from "../error.ts";
import { elu, gelu, hardswish, hardtanh, mish, relu, silu } from "../ops/activation.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { Module } from "./module.ts";

/** max(x, 0). */
export class ReLU extends Module {
  forward(input: Tensor): Tensor {
    return relu(input);
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends Module {
  forward(input: Tensor): Tensor {
    return hardtanh(input, { min: 0, max: 6 });
  }
}

/** min(max(x, 0), bound): ReLU, cut off. */
export class ClippedReLU extends Module {
  /** @param bound above 0 */
  constructor(readonly bound: number) {
    super();
    if (!(bound > 0))
      throw new TorchError(`new ClippedReLU(bound): the bound must be a number above 0, got ${bound}`);
  }

  forward(input: Tensor): Tensor {
    return hardtanh(input, { min: 0, max: this.bound });
  }

  override toString(): string {
    return `ClippedReLU(${this.bound})`;
  }
}

/** x Φ(x), by erf or by tanh: see `gelu`. */
export class GELU extends Module {
  constructor(readonly options: { approximate?: "none" | "tanh" } = {}) {
    super();
    optionsOf("new GELU({ approximate })", options);
  }

  forward(input: Tensor): Tensor {
    return gelu(input, this.options);
  }
}

/** x Φ(x) by tanh, as `new GELU({ approximate: "tanh" })` is. */
export class TanhGELU extends GELU {
  constructor() {
    super({ approximate: "tanh" });
  }
}

/** x σ(x), also called Swish. */
export class SiLU extends Module {
  forward(input: Tensor): Tensor {
    return silu(input);
  }
}

/** x tanh(ln(1 + eˣ)). */
export class Mish extends Module {
  forward(input: Tensor): Tensor {
    return mish(input);
  }
}

/** x for x > 0, else eˣ − 1. */
export class ELU extends Module {
  forward(input: Tensor): Tensor {
    return elu(input);
  }
}

/** x · min(max(x + 3, 0), 6) / 6. */
export class Hardswish extends Module {
  forward(input: Tensor): Tensor {
    return hardswish(input);
  }
}

/** The activations to choose from in the place of ReLU, by the names that settings give them. */
export const activationClasses = {
  relu: ReLU,
  gelu: GELU,
  swish: SiLU,
  mish: Mish,
  elu: ELU,
  hardswish: Hardswish,
  "gelu-tanh": TanhGELU,
};

/**
 * The name of what a module computes, as `activationClasses` has it; undefined for other modules. The constructor is asked,
 * since a subclass may do otherwise.
 */
export function activationNameOf(module: Module): keyof typeof activationClasses | undefined {
  const Activation = module.constructor;
  if (Activation === GELU && (module as GELU).options.approximate === "tanh") return "gelu-tanh";
  const names = Object.keys(activationClasses) as (keyof typeof activationClasses)[];
  return names.find((name) => activationClasses[name] === Activation);
}
