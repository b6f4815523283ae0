/**
 * The activation that hardens.
 *
 * @module
 */
import { div, gelu, Module, mul, ReLU, type Tensor } from "@pea/torch";
import type { PassingActivation } from "../../activations/passing-activation.ts";

/** x · Φ(λx) = GELU(λx) / λ; at λ = 1 GELU itself, at λ = ∞ ReLU. */
export function lambdaGeluOf(x: Tensor, lambda: number): Tensor {
  return lambda === 1 ? gelu(x) : div(gelu(mul(x, lambda)), lambda);
}

/** `lambdaGeluOf` of a λ that all sites of a network share, and ReLU itself at λ = ∞. */
export class HardeningActivation extends Module implements PassingActivation {
  readonly #control: { readonly lambda: number };
  readonly #relu = new ReLU();

  constructor(control: { readonly lambda: number }) {
    super();
    this.#control = control;
  }

  get unfinished(): string | null {
    const { lambda } = this.#control;
    return lambda === Number.POSITIVE_INFINITY ? null : `GELU of hardness ${lambda}`;
  }

  override forward(x: Tensor): Tensor {
    const { lambda } = this.#control;
    return lambda === Number.POSITIVE_INFINITY ? this.#relu.forward(x) : lambdaGeluOf(x, lambda);
  }
}
