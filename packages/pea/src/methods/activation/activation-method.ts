/**
 * Training with one activation all along: PEA's upper limit.
 *
 * @module
 */
import { type ActivationName, PeaError } from "@pea/core";
import { replaceActivation, requireReLU } from "../activation-modules.ts";
import type { FitContext, Method, MethodState, Obstacle } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";

/** Trains with another activation than ReLU (paper section 4.1). */
export class ActivationMethod implements Method {
  readonly #activation: ActivationName;

  /** @throws PeaError of kind usage for ReLU, which networks have already. */
  constructor({ activation }: { activation: ActivationName }) {
    if (activation === "relu")
      throw new PeaError("activation relu is what networks have already; leave it out", { kind: "usage" });
    this.#activation = activation;
  }

  /** @throws PeaError of kind usage when the activation finds no ReLU to take the place of. */
  fit({ model }: FitContext): void {
    requireReLU(model, `activation ${this.#activation}`);
    replaceActivation(model, this.#activation);
  }

  obstacle(): Obstacle {
    return {
      why: `a run with ${this.#activation} all along is an upper limit to compare with, not a ReLU network to deploy`,
    };
  }

  state(): MethodState {
    return { activation: this.#activation };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
  }
}
