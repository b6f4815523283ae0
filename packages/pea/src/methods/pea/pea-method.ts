/**
 * PEA as a training method of the trainer.
 *
 * @module
 */
import {
  alphaAt,
  durationToSteps,
  PeaError,
  type PhasePlan,
  parseDuration,
  parseVariant,
  phaseAt,
  type ScheduleShape,
} from "@pea/core";
import type { EvaluationView, FitContext, Method, MethodState, Phase, StepSpan } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { applyPea } from "./apply.ts";
import { finalize } from "./finalize.ts";
import type { PeaHandle } from "./handle.ts";

/** Settings of PEA training. */
export interface PeaMethodOptions {
  /** Variant code: ensemble, smooth activation and transition end, e.g. `SM75%` or `WG90`. */
  variant: string;
  /** Length of the initial phase, e.g. `4%`; default see `defaultInitial`. */
  initial?: string | number;
  /** Shape of the transition; default `linear`. */
  shape?: ScheduleShape;
  /** α before the t-th transition step: (t − 1) / T `zero-based` (the default), t / T `one-based` (spec recipes 2.2). */
  indexing?: "zero-based" | "one-based";
  /** Whether α moves each step (the default) or each epoch (spec recipes 2.3). */
  granularity?: "step" | "epoch";
}

/** A method that has met its run. */
interface Fitted {
  handle: PeaHandle;
  context: FitContext;
  plan: PhasePlan;
}

/**
 * Trains with an ensemble of ReLU and a smooth activation: α = 0 in the initial phase, glides to 1 in the transition
 * phase and stays there in the final phase (paper section 3).
 */
export class PeaMethod implements Method {
  readonly name = "pea";
  readonly #options: PeaMethodOptions &
    Required<Pick<PeaMethodOptions, "shape" | "indexing" | "granularity">>;
  readonly #variant: ReturnType<typeof parseVariant>;
  #fitted: Fitted | null = null;
  /** Steps begun so far. */
  #steps = 0;

  /** @throws PeaError of kind usage for a code or duration that does not parse. */
  constructor(options: PeaMethodOptions) {
    this.#options = { shape: "linear", indexing: "zero-based", granularity: "step", ...options };
    this.#variant = parseVariant(options.variant);
    if (options.initial !== undefined) parseDuration(options.initial);
  }

  get phases(): Phase[] {
    const { initialSteps, transitionSteps, totalSteps } = this.#run.plan;
    const transitionEnd = initialSteps + transitionSteps;
    return [
      { name: "initial", firstStep: 0, endStep: initialSteps },
      { name: "transition", firstStep: initialSteps, endStep: transitionEnd },
      { name: "final", firstStep: transitionEnd, endStep: totalSteps },
    ].filter(({ firstStep, endStep }) => endStep > firstStep);
  }

  get phase(): string {
    return phaseAt(Math.max(this.#steps - 1, 0), this.#run.plan);
  }

  get views(): readonly EvaluationView[] {
    return this.#run.handle.alpha < 1 ? ["current", "deployed"] : ["current"];
  }

  /**
   * Lays the phases over the run and applies PEA to the model.
   *
   * @throws PeaError of kind usage when no step is left for the final phase, or the initial phase asked for is longer
   * than the transition's end allows.
   */
  onFit(context: FitContext): void {
    const { ensemble, smooth } = this.#variant;
    const plan = this.#plan(context);
    const handle = applyPea(context.model, { ensemble, smooth, seed: context.seed });
    this.#fitted = { handle, context, plan };
  }

  onStep(step: number): void {
    const { handle } = this.#run;
    handle.alpha = this.#alphaAt(step);
    handle.step = step;
    handle.view = "current";
    this.#steps = step + 1;
  }

  onEval(view: EvaluationView): void {
    this.#run.handle.view = view;
  }

  /** @throws PeaError unless the last step ran with α = 1. */
  onEnd(): void {
    finalize(this.#run.context.model);
  }

  scalars(): Record<string, number> {
    return { alpha: this.#run.handle.alpha };
  }

  isCandidate({ firstStep }: StepSpan): boolean {
    return this.#alphaAt(firstStep) === 1;
  }

  state(): MethodState {
    const { handle, context, plan } = this.#run;
    const { shape, indexing, granularity } = this.#options;
    return {
      method: this.name,
      ensemble: handle.ensemble,
      smooth: handle.smooth,
      seed: handle.seed,
      initialSteps: plan.initialSteps,
      transitionSteps: plan.transitionSteps,
      totalSteps: plan.totalSteps,
      stepsPerEpoch: context.stepsPerEpoch,
      shape,
      indexing,
      granularity,
      steps: this.#steps,
    };
  }

  load(state: MethodState): void {
    refuseOtherState(this.state(), state);
    const steps = Number(state.steps);
    if (steps > 0) this.onStep(steps - 1);
  }

  get #run(): Fitted {
    if (this.#fitted === null) throw new PeaError("PeaMethod: call onFit before the other hooks");
    return this.#fitted;
  }

  #alphaAt(step: number): number {
    const { plan, context } = this.#run;
    const { shape, indexing, granularity } = this.#options;
    return alphaAt(step, plan, { shape, indexing, granularity, stepsPerEpoch: context.stepsPerEpoch });
  }

  #plan({ totalSteps, stepsPerEpoch }: FitContext): PhasePlan {
    const { variant } = this.#options;
    const { end } = this.#variant;
    const lengths = { totalSteps, stepsPerEpoch };
    const endStep = durationToSteps(
      parseDuration("epochs" in end ? `${end.epochs}ep` : `${end.share}dur`),
      lengths,
    );
    if (endStep >= totalSteps) {
      throw new PeaError(
        `${variant} ends its transition at step ${endStep} of ${totalSteps}, which leaves no final phase; ` +
          "choose an earlier end (a share such as SM75% fits any run) or more epochs",
        { kind: "usage" },
      );
    }
    const asked = this.#options.initial;
    const initialSteps = durationToSteps(parseDuration(asked ?? defaultInitial(end)), lengths);
    if (asked !== undefined && initialSteps > endStep) {
      throw new PeaError(
        `the initial phase of ${asked} is ${initialSteps} steps, but ${variant} ends its transition at step ` +
          `${endStep}; shorten the initial phase`,
        { kind: "usage" },
      );
    }
    const fitting = Math.min(initialSteps, endStep);
    return { initialSteps: fitting, transitionSteps: endStep - fitting, totalSteps };
  }
}

/**
 * The paper's initial phase (section 4.1): 5 epochs where the transition ends with an epoch, and the same 5 of 120
 * epochs as a share where it ends at a share of the run. Cut to the transition's end in runs too short for it.
 */
export function defaultInitial(end: ReturnType<typeof parseVariant>["end"]): string {
  return "epochs" in end ? "5ep" : `${5 / 120}dur`;
}
