import { TorchError } from "../error.ts";
import { dropout, featureDropout } from "../ops/norm.ts";
import type { Tensor } from "../tensor.ts";
import { checkInput } from "./check-input.ts";
import { Module } from "./module.ts";

abstract class DropoutModule extends Module {
  /** @param p probability that an element (or channel) is zeroed, in [0, 1] */
  constructor(readonly p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1)) throw new TorchError(`${this.constructor.name}: p must be in [0, 1], got ${p}`);
  }

  /**
   * Whether the next forward pass does anything. With p = 0 the generator is left alone, so that a network without
   * dropout draws no random numbers.
   */
  get active(): boolean {
    return this.training && this.p > 0;
  }

  override toString(): string {
    return `${this.constructor.name}(${this.p})`;
  }
}

/** In training zeroes each element with probability p and scales the others by 1 / (1 − p). */
export class Dropout extends DropoutModule {
  forward(input: Tensor): Tensor {
    return this.active ? dropout(input, this.p) : input;
  }
}

/** As Dropout, but zeroes whole channels of [N, C, H, W]. */
export class Dropout2d extends DropoutModule {
  forward(input: Tensor): Tensor {
    checkInput(this, input, ["N", "C", "H", "W"]);
    return this.active ? featureDropout(input, this.p) : input;
  }
}
