/**
 * What the trainer knows of a training method: the hooks it calls and the facts it shows. The trainer names no
 * method; `createMethod` picks one from the configuration.
 *
 * One run calls, in this order:
 *
 * 1. `onFit` once, before the optimizer collects the parameters;
 * 2. `load` when the run is resumed;
 * 3. per step `onStep(step)`, then forward, backward and the update; where a step's batch passes in parts,
 *    `onStep(step, part)` before each of them;
 * 4. per evaluation, for each of `views`: `onEval(view)`, then the forward passes in evaluation mode;
 * 5. `onEnd` once, after the last step: the model is then the network that is deployed.
 *
 * Steps count weight updates from 0 over the whole run. Everything a method does follows from the step alone, so a
 * resumed run goes on exactly where it stopped.
 *
 * @module
 */
import type { Module } from "@pea/torch";

/**
 * The eye with which an evaluation sees the network: `current` as it trains now, `deployed` as it will run in the
 * end (for PEA with ReLU only; design decision 8, spec recipes 2.4).
 */
export type EvaluationView = "current" | "deployed";

/** The run a method is fitted to. */
export interface FitContext {
  /** The network to train; the method may swap its activation modules. */
  model: Module;
  /** Weight updates of the whole run, at least 1. */
  totalSteps: number;
  /** Weight updates of one epoch, at least 1. */
  stepsPerEpoch: number;
  /** Seed of the run. A method draws from streams of its own, never from the global generator. */
  seed: number;
}

/** Half-open span of steps: `firstStep` belongs to it, `endStep` does not. */
export interface StepSpan {
  firstStep: number;
  endStep: number;
}

/** One phase of the run, e.g. PEA's initial, transition and final phase. */
export interface Phase extends StepSpan {
  name: string;
}

/** What a checkpoint keeps of a method, as JSON. */
export type MethodState = Readonly<Record<string, string | number | boolean>>;

/** A training method, see the module's description for the order of the calls. */
export interface Method {
  /** Name for logs and tables, e.g. `pea`. */
  readonly name: string;

  /** The phases of the run, in order, together covering every step; known after `onFit`. */
  readonly phases: readonly Phase[];

  /** Name of the phase of the last `onStep` (before it: of the first phase). */
  readonly phase: string;

  /** The views worth evaluating now: `deployed` is left out while it would repeat `current`. */
  readonly views: readonly EvaluationView[];

  /**
   * Prepares the model and lays the phases over the steps of the run.
   *
   * @throws PeaError of kind usage when the method's settings do not fit the run.
   */
  onFit(context: FitContext): void;

  /**
   * Sets the model up for the training step `step` (from 0), before its forward pass. A batch that passes in parts has
   * this called before each, with the part's index from 0: what is drawn at random must differ between them.
   */
  onStep(step: number, part?: number): void;

  /** Sets the model up for evaluation under `view`; holds until the next `onEval` or `onStep`. */
  onEval(view: EvaluationView): void;

  /**
   * Turns the model into the network that is deployed.
   *
   * @throws PeaError when training has not come that far.
   */
  onEnd(): void;

  /** Values of the last step for the logs, e.g. `{ alpha: 0.25 }`. */
  scalars(): Record<string, number>;

  /**
   * Whether a model evaluated after the steps of `epoch` may be chosen as the best one (for PEA only where every
   * step of the epoch ran in the final phase, spec recipes 2.4). Where no epoch of a run is a candidate, the last
   * model is the result.
   */
  isCandidate(epoch: StepSpan): boolean;

  /** What a checkpoint must keep. */
  state(): MethodState;

  /**
   * Goes back to a state saved by `state`.
   *
   * @throws PeaError of kind usage when the state was saved by another method or under another plan.
   */
  load(state: MethodState): void;
}
