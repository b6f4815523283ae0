/**
 * Training with the mean of the weights of the last epochs, which is deployed.
 *
 * @module
 */
import { type Duration, durationToSteps, PeaError, parseDuration } from "@pea/core";
import type { Tensor } from "@pea/torch";
import type { FitContext, Method, MethodState, StepSpan } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { WeightAverage } from "../weight-average.ts";

/** Settings of the mean. */
export interface SwaOptions {
  /** When weights begin to count. */
  start: string | number;
  /** How long it is from one set of weights that counts to the next. */
  every: string | number;
  /** Training batches that batch norm's statistics are computed anew from; 0: they are averaged as weights are. */
  reestimate: number;
}

/** A method that has met its run. */
interface Fitted {
  mean: WeightAverage;
  totalSteps: number;
  /** Weights count after each `cycle` steps of the run: the first set after this many of them. */
  firstCycle: number;
  /** Steps from one set to the next. */
  cycle: number;
}

/**
 * mean ← (n · mean + weights) / (n + 1), once a cycle (Izmailov et al., "Averaging Weights Leads to Wider Optima and Better
 * Generalization", 2018, algorithm 1), batch norm's statistics computed anew for it.
 */
export class SwaMethod implements Method {
  readonly #options: SwaOptions;
  readonly #start: Duration;
  readonly #every: Duration;
  #fitted: Fitted | null = null;
  /** Weight updates done. */
  #steps = 0;
  /** Whether the network's own weights are the mean: after `deploy`, and opened from a file of it. */
  #isDeployed = false;

  /** @throws PeaError of kind usage for durations that do not parse. */
  constructor(options: SwaOptions) {
    this.#options = options;
    this.#start = parseDuration(options.start);
    this.#every = parseDuration(options.every);
  }

  get view(): "averaged" | null {
    return this.#isDeployed || this.#count === 0 ? null : "averaged";
  }

  get reestimateFrom(): number {
    return this.#options.reestimate;
  }

  /** @throws PeaError of kind usage where no weights would count, or a cycle has no step. */
  fit({ model, totalSteps, stepsPerEpoch }: FitContext): void {
    const run = { totalSteps, stepsPerEpoch };
    const [start, cycle] = [durationToSteps(this.#start, run), durationToSteps(this.#every, run)];
    if (cycle === 0)
      throw usage(
        `swa counts weights every ${this.#options.every}, which is less than a step here; take 1st or more`,
      );
    const firstCycle = Math.max(Math.ceil(start / cycle), 1);
    if (firstCycle * cycle > totalSteps)
      throw usage(
        `swa starts at ${this.#options.start}, step ${start} of ${totalSteps}, and counts weights every ` +
          `${this.#options.every}, ${cycle} steps: none would count; start earlier, or take a shorter every`,
      );
    this.#fitted = { mean: new WeightAverage(model), totalSteps, firstCycle, cycle };
  }

  afterStep(step: number): void {
    this.#steps = step + 1;
    const { mean, cycle } = this.#run;
    const count = this.#count;
    if (count > 0 && this.#steps % cycle === 0) mean.update((count - 1) / count);
  }

  show(deployed: boolean): void {
    if (!this.#isDeployed) this.#run.mean.show(deployed && this.#count > 0);
  }

  /** Where weights count already. */
  isCandidate({ endStep }: StepSpan): boolean {
    const { firstCycle, cycle } = this.#run;
    return endStep >= firstCycle * cycle;
  }

  deploy(): void {
    if (this.view === null) return;
    this.#run.mean.settle();
    this.#isDeployed = true;
  }

  state(): MethodState {
    return { ...this.#plan, steps: this.#steps };
  }

  tensors(): ReadonlyMap<string, Tensor> {
    return this.#isDeployed || this.#count === 0 ? new Map() : this.#run.mean.tensors;
  }

  load({ steps, ...state }: MethodState, tensors: ReadonlyMap<string, Tensor>): void {
    refuseOtherState(this.#plan, state);
    this.#steps = Number(steps);
    this.#run.mean.load(tensors);
    this.#isDeployed = tensors.size === 0 && this.#count > 0;
  }

  dispose(): void {
    this.#fitted?.mean.dispose();
  }

  /** Sets of weights in the mean. */
  get #count(): number {
    const { firstCycle, cycle } = this.#run;
    return Math.max(Math.floor(this.#steps / cycle) - firstCycle + 1, 0);
  }

  get #plan(): MethodState {
    const { firstCycle, cycle, totalSteps } = this.#run;
    return { firstCycle, cycle, totalSteps, reestimate: this.#options.reestimate };
  }

  get #run(): Fitted {
    if (this.#fitted === null) throw new PeaError("SwaMethod: call fit before the other hooks");
    return this.#fitted;
  }
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
