/**
 * Training with slow weights.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  clone,
  copyInPlace,
  foreachAddInPlace,
  foreachMulInPlace,
  keep,
  noGrad,
  scope,
  type Tensor,
} from "@pea/torch";
import type { FitContext, Method, MethodState } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";

/** Settings of Lookahead; k and α of the paper. */
export interface LookaheadOptions {
  /** Steps of the optimizer to one of the slow weights, at least 1. */
  steps: number;
  /** How far the slow weights go, above 0 and up to 1. */
  rate: number;
}

/** Whether the slow weights follow after the step `step` (from 0): after each k of an epoch, and at its end. */
export function followsAfter(step: number, k: number, stepsPerEpoch: number): boolean {
  const done = (step % stepsPerEpoch) + 1;
  return done % k === 0 || done === stepsPerEpoch;
}

/**
 * slow ← slow + rate · (weights − slow), weights ← slow, after every k-th step (Zhang, Lucas, Hinton and Ba, "Lookahead
 * Optimizer: k steps forward, 1 step back", 2019, algorithm 1). It follows at the end of each epoch too, so that what is
 * evaluated, kept and deployed are the slow weights.
 */
export class LookaheadMethod implements Method {
  readonly #options: LookaheadOptions;
  #fitted: {
    slow: ReadonlyMap<string, Tensor>;
    weights: ReadonlyMap<string, Tensor>;
    stepsPerEpoch: number;
  } | null = null;

  constructor(options: LookaheadOptions) {
    this.#options = options;
  }

  fit({ model, stepsPerEpoch }: FitContext): void {
    const weights = model.namedParameters();
    const slow = noGrad(() => new Map([...weights].map(([key, one]) => [key, keep(clone(one))])));
    this.#fitted = { slow, weights, stepsPerEpoch };
  }

  /** The slow weights begin where training begins, from a checkpoint or not. */
  beforePass(step: number): void {
    if (step === 0) this.#copy(this.#run.slow, this.#run.weights);
  }

  afterStep(step: number): void {
    const { slow, weights, stepsPerEpoch } = this.#run;
    const { steps, rate } = this.#options;
    if (!followsAfter(step, steps, stepsPerEpoch)) return;
    noGrad(() => {
      const own = [...slow.values()];
      foreachMulInPlace(own, 1 - rate);
      foreachAddInPlace(own, [...weights.values()], { alpha: rate });
    });
    this.#copy(weights, slow);
  }

  state(): MethodState {
    return { k: this.#options.steps, rate: this.#options.rate };
  }

  tensors(): ReadonlyMap<string, Tensor> {
    return this.#run.slow;
  }

  load(state: MethodState, tensors: ReadonlyMap<string, Tensor>): void {
    refuseOtherState(this.state(), state);
    const { slow, weights } = this.#run;
    this.#copy(slow, tensors.size > 0 ? tensors : weights);
  }

  dispose(): void {
    for (const tensor of this.#fitted?.slow.values() ?? []) tensor.dispose();
  }

  #copy(to: ReadonlyMap<string, Tensor>, from: ReadonlyMap<string, Tensor>): void {
    scope(() =>
      noGrad(() => {
        for (const [key, tensor] of to) copyInPlace(tensor, from.get(key) as Tensor);
      }),
    );
  }

  get #run() {
    if (this.#fitted === null) throw new PeaError("LookaheadMethod: call fit before the other hooks");
    return this.#fitted;
  }
}
