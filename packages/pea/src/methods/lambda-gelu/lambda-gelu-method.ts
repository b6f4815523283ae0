/**
 * Training with a GELU that hardens into ReLU.
 *
 * @module
 */
import { alphaAt, PeaError, type PhasePlan, parseDuration, planPhases } from "@pea/core";
import { ClippedReLU, type Module, ReLU } from "@pea/torch";
import { isReLU, requireReLU } from "../activation-modules.ts";
import type { FitContext, Method, MethodState, Obstacle, Phase, StepSpan } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { findPlaces, type Place, replaceModules } from "../replace-modules.ts";
import { HardeningActivation } from "./hardening-activation.ts";

const name = "lambda-gelu";

/** Settings of a GELU that hardens. */
export interface LambdaGeluOptions {
  /** When ReLU takes over. */
  end: string | number;
  /** How long it is GELU itself. */
  initial?: string | number | undefined;
  /** λ in the end, above 1. */
  hardness: number;
}

/** λ at the share `progress` of the way: hardness^progress, and ∞, which is ReLU, at its end. */
export function lambdaOf(progress: number, hardness: number): number {
  return progress === 1 ? Number.POSITIVE_INFINITY : hardness ** progress;
}

/** A method that has met its run. */
interface Fitted {
  model: Module;
  places: readonly Place[];
  plan: PhasePlan;
}

/**
 * x·Φ(λx) at every site, λ growing from 1 by equal factors, then ReLU ("λ-GELU: Learning Gating Hardness for Controlled
 * ReLU-ization in Deep Networks", of which λ is scheduled here and not learned).
 */
export class LambdaGeluMethod implements Method {
  readonly #options: LambdaGeluOptions;
  /** What the sites share. */
  readonly #control = { lambda: 1 };
  #fitted: Fitted | null = null;
  /** Steps begun so far. */
  #steps = 0;

  constructor(options: LambdaGeluOptions) {
    this.#options = options;
  }

  get phases(): Phase[] {
    const { initialSteps, transitionSteps, totalSteps } = this.#run.plan;
    const end = initialSteps + transitionSteps;
    return [
      { name: "gelu", firstStep: 0, endStep: initialSteps },
      { name: "hardening", firstStep: initialSteps, endStep: end },
      { name: "relu", firstStep: end, endStep: totalSteps },
    ].filter(({ firstStep, endStep }) => endStep > firstStep);
  }

  get view(): "deployed" | null {
    return this.#isHard ? null : "deployed";
  }

  /** @throws PeaError of kind usage where no step is left to harden or for ReLU, or the network has no ReLU. */
  fit({ model, totalSteps, stepsPerEpoch }: FitContext): void {
    const { end, initial } = this.#options;
    const first = initial === undefined ? undefined : parseDuration(initial);
    const plan = planPhases({ totalSteps, stepsPerEpoch }, parseDuration(end), first, name);
    requireReLU(model, name);
    const [cut] = findPlaces(model, (module) => module instanceof ClippedReLU);
    if (cut !== undefined)
      throw new PeaError(
        `${name} hardens into ReLU, but ${cut.path} is ${cut.module}: leave relu out, or take pea, swap or sugar`,
        { kind: "usage" },
      );
    const places = replaceModules(
      model,
      findPlaces(model, isReLU),
      () => new HardeningActivation(this.#control),
    );
    this.#fitted = { model, places, plan };
  }

  beforePass(step: number): void {
    this.#steps = step + 1;
    this.show(false);
  }

  show(deployed: boolean): void {
    this.#control.lambda = deployed ? Number.POSITIVE_INFINITY : this.#lambda;
  }

  obstacle(): Obstacle | null {
    const { initialSteps, transitionSteps } = this.#run.plan;
    if (this.#isHard) return null;
    return {
      why: `lambda is ${this.#lambda.toFixed(3)}: the network still holds a smooth activation`,
      endStep: initialSteps + transitionSteps,
    };
  }

  /** @throws PeaError unless the last step ran with ReLU. */
  deploy(): void {
    const { model, places } = this.#run;
    if (!this.#isHard)
      throw new PeaError(
        `lambda is ${this.#lambda}: the network is no ReLU network yet; train it until ReLU has taken over`,
      );
    replaceModules(model, places, () => new ReLU());
  }

  /** λ; 0 stands for ReLU, since logs hold finite numbers. */
  scalars(): Record<string, number> {
    return { lambda: this.#isHard ? 0 : this.#lambda };
  }

  isCandidate({ firstStep }: StepSpan): boolean {
    return this.#progressAt(firstStep) === 1;
  }

  state(): MethodState {
    return { ...this.#run.plan, hardness: this.#options.hardness, steps: this.#steps };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
    const steps = Number(state.steps);
    if (steps > 0) this.beforePass(steps - 1);
  }

  get #lambda(): number {
    return lambdaOf(this.#progressAt(Math.max(this.#steps - 1, 0)), this.#options.hardness);
  }

  get #isHard(): boolean {
    return this.#lambda === Number.POSITIVE_INFINITY;
  }

  #progressAt(step: number): number {
    return alphaAt(step, this.#run.plan);
  }

  get #run(): Fitted {
    if (this.#fitted === null) throw new PeaError("LambdaGeluMethod: call fit before the other hooks");
    return this.#fitted;
  }
}
