/**
 * ReLU with another function's slope.
 *
 * @module
 */
import { add, detach, Module, mul, ReLU, sigmoid, sub, type Tensor } from "@pea/torch";
import type { PassingActivation } from "../../activations/passing-activation.ts";

/** B-SiLU: (x + 1.67) · σ(x) − 1.67 / 2, the bounded SiLU of the paper. */
export function bSiluOf(x: Tensor): Tensor {
  return sub(mul(add(x, 1.67), sigmoid(x)), 1.67 / 2);
}

/**
 * ReLU(x), and in training the gradient f′(x) of a smooth f: f(x) − sg(f(x)) + sg(ReLU(x)), where sg stops gradients ("forward
 * gradient injection"). The values are ReLU's to the bit.
 */
export class SurrogateActivation extends Module implements PassingActivation {
  readonly unfinished = null;
  readonly #f: (x: Tensor) => Tensor;
  readonly #relu: Module;

  /**
   * @param f differentiable, from a tensor to one of its shape
   * @param relu whose values it has: ReLU, or one cut off
   */
  constructor(f: (x: Tensor) => Tensor, relu: Module = new ReLU()) {
    super();
    this.#f = f;
    this.#relu = relu;
  }

  /** What is left in the end. */
  get relu(): Module {
    return this.#relu;
  }

  override forward(x: Tensor): Tensor {
    if (!this.training) return this.#relu.forward(x);
    const y = this.#f(x);
    return add(sub(y, detach(y)), detach(this.#relu.forward(x)));
  }
}
