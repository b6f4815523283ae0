/**
 * Training with one activation all along: the baseline (ReLU) and the upper limit (a smooth activation).
 *
 * @module
 */
import { type ActivationName, PeaError } from "@pea/core";
import { replaceActivation, requireReLU } from "../activation-modules.ts";
import type { EvaluationView, FitContext, Method, MethodState, Phase } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";

/** Trains with one activation: `relu` is the baseline, a smooth one is PEA's upper limit (paper section 4.1). */
export class PlainMethod implements Method {
  readonly name: "baseline" | "upper-limit";
  readonly views: readonly EvaluationView[] = ["current"];
  readonly phase = "training";
  readonly #activation: ActivationName;
  #totalSteps: number | null = null;

  constructor(activation: ActivationName) {
    this.name = activation === "relu" ? "baseline" : "upper-limit";
    this.#activation = activation;
  }

  get phases(): Phase[] {
    if (this.#totalSteps === null) throw new PeaError("PlainMethod: call onFit before asking for the phases");
    return [{ name: this.phase, firstStep: 0, endStep: this.#totalSteps }];
  }

  /** @throws PeaError of kind usage when a smooth activation finds no ReLU to take the place of. */
  onFit({ model, totalSteps }: FitContext): void {
    if (this.#activation !== "relu") {
      requireReLU(model, `activation ${this.#activation}`);
      replaceActivation(model, this.#activation);
    }
    this.#totalSteps = totalSteps;
  }

  onStep(): void {}

  onEval(): void {}

  onEnd(): void {}

  scalars(): Record<string, number> {
    return {};
  }

  isCandidate(): boolean {
    return true;
  }

  state(): MethodState {
    return { method: this.name, activation: this.#activation };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
  }
}
