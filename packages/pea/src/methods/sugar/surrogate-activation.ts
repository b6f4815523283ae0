/**
 * ReLU with another function's slope.
 *
 * @module
 */
import { type EnsembleActModule, type EnsembleActOptions, ensembleAct } from "@pea/kernels";
import { Module, ReLU, type Tensor } from "@pea/torch";
import type { PassingActivation } from "../../activations/passing-activation.ts";
import { boundOf } from "../activation-modules.ts";

/**
 * ReLU(x), and in training the gradient f′(x) of a smooth f: f(x) − sg(f(x)) + sg(ReLU(x)), where sg stops gradients ("forward
 * gradient injection"). The values are ReLU's to the bit.
 */
export class SurrogateActivation extends Module implements EnsembleActModule, PassingActivation {
  readonly unfinished = null;
  readonly #f: EnsembleActOptions["smooth"];
  readonly #relu: Module;

  /**
   * @param f as kernels take it
   * @param relu whose values it has: ReLU, or one cut off
   */
  constructor(f: EnsembleActOptions["smooth"], relu: Module = new ReLU()) {
    super();
    this.#f = f;
    this.#relu = relu;
  }

  /** What is left in the end. */
  get relu(): Module {
    return this.#relu;
  }

  /** What the next forward pass computes; lets batch norm be fused with it. */
  get ensembleActOptions(): EnsembleActOptions {
    return {
      ensemble: "surrogate",
      smooth: this.#f,
      ...boundOf(this.relu),
      alpha: this.training ? 0 : 1,
    };
  }

  override forward(x: Tensor): Tensor {
    return this.training ? ensembleAct(x, this.ensembleActOptions) : this.relu.forward(x);
  }
}
