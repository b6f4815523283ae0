/**
 * The activation that hardens.
 *
 * @module
 */
import { type EnsembleActModule, type EnsembleActOptions, ensembleAct } from "@pea/kernels";
import { Module, ReLU, type Tensor } from "@pea/torch";
import type { PassingActivation } from "../../activations/passing-activation.ts";

/** x · Φ(λx) = GELU(λx) / λ, of a λ that all sites of a network share: at λ = 1 GELU itself, at λ = ∞ ReLU. */
export class HardeningActivation extends Module implements EnsembleActModule, PassingActivation {
  readonly #control: { readonly lambda: number };
  readonly #relu = new ReLU();

  constructor(control: { readonly lambda: number }) {
    super();
    this.#control = control;
  }

  get unfinished(): string | null {
    return this.#isHard ? null : `GELU of hardness ${this.#control.lambda}`;
  }

  /** What the next forward pass computes; lets batch norm be fused with it. */
  get ensembleActOptions(): EnsembleActOptions {
    const common = { ensemble: "weighted", smooth: "gelu" } as const;
    return this.#isHard ? { ...common, alpha: 1 } : { ...common, alpha: 0, beta: this.#control.lambda };
  }

  override forward(x: Tensor): Tensor {
    return this.#isHard ? this.#relu.forward(x) : ensembleAct(x, this.ensembleActOptions);
  }

  get #isHard(): boolean {
    return this.#control.lambda === Number.POSITIVE_INFINITY;
  }
}
