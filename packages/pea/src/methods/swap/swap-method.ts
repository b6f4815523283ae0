/**
 * Training with a smooth activation and swapping ReLU in at one step.
 *
 * @module
 */
import {
  type Duration,
  durationToSteps,
  formatDuration,
  PeaError,
  parseDuration,
  type SmoothName,
} from "@pea/core";
import { SettingError } from "../../common/setting-error.ts";
import { requireReLU } from "../activation-modules.ts";
import type { FitContext, Method, MethodState, Obstacle, Phase, StepSpan } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { applyPea, finalize, type PeaHandle } from "../pea/index.ts";
import { obstacleOfAlpha } from "../pea/obstacle.ts";

/** Settings of a run that swaps its activation. */
export interface SwapMethodOptions {
  /** The activation before the swap. */
  smooth: SmoothName;
  /** When ReLU takes over, e.g. `90%`; `100%` swaps after the last step, without fine-tuning. */
  at: string | number;
}

/** A method that has met its run. */
interface Fitted {
  handle: PeaHandle;
  model: FitContext["model"];
  totalSteps: number;
  /** First step that trains with ReLU; `totalSteps` where none does. */
  swapStep: number;
}

/**
 * Trains with the smooth activation alone up to a step and with ReLU alone from it on: what PEA is without its
 * transition, α jumping from 0 to 1. It stands on PEA's modules, whose ends are the plain networks bit for bit.
 */
export class SwapMethod implements Method {
  readonly #smooth: SmoothName;
  readonly #at: Duration;
  #fitted: Fitted | null = null;
  /** Steps begun so far. */
  #steps = 0;

  /** @throws PeaError of kind usage for a duration that does not parse. */
  constructor({ smooth, at }: SwapMethodOptions) {
    this.#smooth = smooth;
    this.#at = parseDuration(at);
  }

  get phases(): Phase[] {
    const { swapStep, totalSteps } = this.#run;
    return [
      { name: "smooth", firstStep: 0, endStep: swapStep },
      { name: "relu", firstStep: swapStep, endStep: totalSteps },
    ].filter(({ firstStep, endStep }) => endStep > firstStep);
  }

  get view(): "deployed" | null {
    return this.#run.handle.alpha < 1 ? "deployed" : null;
  }

  /** @throws PeaError of kind usage when the swap would come before the first step or after the last, or finds no ReLU. */
  fit({ model, totalSteps, stepsPerEpoch }: FitContext): void {
    const swapStep = durationToSteps(this.#at, { totalSteps, stepsPerEpoch });
    if (swapStep === 0 || swapStep > totalSteps) {
      throw new SettingError(
        (name) =>
          `${name("swapToRelu")} ${formatDuration(this.#at)} swaps ReLU in at step ${swapStep} of ${totalSteps}; ` +
          (swapStep === 0
            ? `leave ${name("swapToRelu")} and ${name("activation")} out to train with ReLU all along`
            : "take an earlier point (100% swaps after the last step) or train longer"),
      );
    }
    requireReLU(model, `activation ${this.#smooth}`);
    // Which ensemble does not matter: α is never between 0 and 1.
    const handle = applyPea(model, { ensemble: "weighted", smooth: this.#smooth });
    this.#fitted = { handle, model, totalSteps, swapStep };
  }

  beforePass(step: number): void {
    const { handle, swapStep } = this.#run;
    handle.alpha = step < swapStep ? 0 : 1;
    handle.view = "current";
    this.#steps = step + 1;
  }

  show(deployed: boolean): void {
    this.#run.handle.view = deployed ? "deployed" : "current";
  }

  obstacle(): Obstacle | null {
    const { handle, swapStep } = this.#run;
    return obstacleOfAlpha(handle.alpha, swapStep);
  }

  /** @throws PeaError before the step of the swap. */
  deploy(): void {
    const { handle, model, swapStep } = this.#run;
    if (this.#steps >= swapStep) handle.alpha = 1;
    finalize(model);
  }

  /** α as of PEA: 0 with the smooth activation, 1 with ReLU. */
  scalars(): Record<string, number> {
    return { alpha: this.#run.handle.alpha };
  }

  /** Only where every step of the epoch trained with ReLU: without fine-tuning the last model is the result. */
  isCandidate({ firstStep }: StepSpan): boolean {
    return firstStep >= this.#run.swapStep;
  }

  state(): MethodState {
    const { totalSteps, swapStep } = this.#run;
    return { smooth: this.#smooth, swapStep, totalSteps, steps: this.#steps };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
    const steps = Number(state.steps);
    if (steps === 0) return;
    this.beforePass(steps - 1);
    const { handle, totalSteps } = this.#run;
    // A run at its end has swapped, be it after the last step: its network is opened as the one that is deployed.
    if (steps === totalSteps) handle.alpha = 1;
  }

  get #run(): Fitted {
    if (this.#fitted === null) throw new PeaError("SwapMethod: call fit before the other hooks");
    return this.#fitted;
  }
}
