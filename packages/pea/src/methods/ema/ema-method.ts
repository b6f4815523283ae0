/**
 * Training with averaged weights, which are those deployed.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { Tensor } from "@pea/torch";
import type { FitContext, Method, MethodState } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { WeightAverage } from "../weight-average.ts";

/** Settings of the average. */
export interface EmaOptions {
  /** What the average keeps of itself at each step, at most; from 0 up to but not 1. */
  decay: number;
  /** Whether the decay begins smaller. */
  warmup: boolean;
}

/**
 * Decay of the update after the step `step` (from 0): the first takes the weights as they are; with warm-up
 * min(decay, 1 − (1 + step)^(−2/3)), as timm's `ModelEmaV3` with `use_warmup` and its usual `warmup_gamma` and
 * `warmup_power` (due to K. Crowson). Without it the weights of the first steps keep the share decay^step, most of an
 * average in a run of less than 1/(1 − decay) steps.
 */
export function decayAt(step: number, { decay, warmup }: EmaOptions): number {
  if (step === 0) return 0;
  return warmup ? Math.min(decay, 1 - (1 + step) ** (-2 / 3)) : decay;
}

/** Keeps an exponential moving average of weights and batch norm's statistics beside those that train. */
export class EmaMethod implements Method {
  readonly #options: EmaOptions;
  #average: WeightAverage | null = null;
  /** Whether the network's own weights are the averaged ones: after `deploy`, and opened from a file of them. */
  #isDeployed = false;

  constructor(options: EmaOptions) {
    this.#options = options;
  }

  get view(): "averaged" | null {
    return this.#isDeployed ? null : "averaged";
  }

  fit({ model }: FitContext): void {
    this.#average = new WeightAverage(model);
  }

  afterStep(step: number): void {
    this.#fitted.update(decayAt(step, this.#options));
  }

  show(deployed: boolean): void {
    if (!this.#isDeployed) this.#fitted.show(deployed);
  }

  deploy(): void {
    if (this.#isDeployed) return;
    this.#fitted.settle();
    this.#isDeployed = true;
  }

  state(): MethodState {
    return { ...this.#options };
  }

  tensors(): ReadonlyMap<string, Tensor> {
    return this.#isDeployed ? new Map() : this.#fitted.tensors;
  }

  load(state: MethodState, tensors: ReadonlyMap<string, Tensor>): void {
    refuseOtherState(this.state(), state);
    this.#fitted.load(tensors);
    this.#isDeployed = tensors.size === 0;
  }

  dispose(): void {
    this.#average?.dispose();
  }

  get #fitted(): WeightAverage {
    if (this.#average === null) throw new PeaError("EmaMethod: call fit before the other hooks");
    return this.#average;
  }
}
