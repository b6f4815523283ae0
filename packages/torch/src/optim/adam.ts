import {
  foreachAdd,
  foreachAddcdivInPlace,
  foreachAddScalarInPlace,
  foreachMulInPlace,
  foreachSqrt,
} from "../ops/foreach.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { type MomentLists, MomentOptimizer, requireBetas, updateMoments } from "./moments.ts";
import { type ParameterGroup, requireAtLeast0, requireChoice } from "./optimizer.ts";

/** Settings of Adam. */
export interface AdamOptions {
  /** Learning rate, at least 0. */
  lr: number;
  /** β1 and β2, from 0 up to but not 1; 0.9 and 0.999 by default. */
  betas?: readonly [number, number];
  /** ε, at least 0; 1e-8 by default. */
  eps?: number;
  /** λ, at least 0; 0 by default. */
  weightDecay?: number;
  /** `l2` adds λ · p to the gradient; `decoupled` shrinks p by lr · λ · p, which is AdamW. `l2` by default. */
  decay?: "l2" | "decoupled";
}

/** Parameters with settings of their own; those left out are the optimizer's. */
export type AdamGroup = ParameterGroup<AdamOptions>;

/** A group as the optimizer holds it; all settings may be changed between steps. */
export interface ResolvedAdamGroup extends Required<AdamOptions> {
  readonly parameters: readonly Tensor[];
}

/**
 * Adam (Kingma and Ba 2015), and with decoupled decay AdamW (Loshchilov and Hutter 2019). In step t = 1, 2, … of a parameter
 * p with gradient g:
 *
 *     g ← g + λ · p                          (decay "l2")
 *     p ← p − lr · λ · p                     (decay "decoupled")
 *     m ← β1 · m + (1 − β1) · g              (m and v start at 0)
 *     v ← β2 · v + (1 − β2) · g²
 *     p ← p − lr · m / (1 − β1^t) / (√(v / (1 − β2^t)) + ε)
 *
 * As PyTorch's `Adam` and `AdamW`, whose decay of 0.01 is no default here. The step is counted for each parameter, and only
 * where it has a gradient. In the state, m and v are PyTorch's `exp_avg` and `exp_avg_sq`.
 *
 * @example
 * const optimizer = new Adam(model.parameters(), { lr: 1e-3, weightDecay: 0.01, decay: "decoupled" });
 */
export class Adam extends MomentOptimizer<AdamOptions, ResolvedAdamGroup> {
  /** @throws TorchError for settings out of range, no parameters, or a parameter that stands in two groups */
  constructor(parameters: Iterable<Tensor> | readonly AdamGroup[], options: AdamOptions) {
    const defaults = optionsOf("new Adam(parameters, { lr, betas, eps, weightDecay, decay })", options);
    super(parameters, {
      name: "Adam",
      resolve: (group) => resolve(group, defaults),
    });
  }

  protected override updateAt(
    step: number,
    { lr, betas, eps, weightDecay, decay }: ResolvedAdamGroup,
    { parameters, gradients, m, v }: MomentLists,
  ): void {
    const isPenalty = decay === "l2" && weightDecay !== 0;
    const g = isPenalty ? foreachAdd(gradients, parameters, { alpha: weightDecay }) : gradients;
    if (decay === "decoupled" && weightDecay !== 0) foreachMulInPlace(parameters, 1 - lr * weightDecay);
    updateMoments({ m, v }, g, betas);
    const [beta1, beta2] = betas;
    const denominator = foreachSqrt(v);
    foreachMulInPlace(denominator, 1 / Math.sqrt(1 - beta2 ** step));
    foreachAddScalarInPlace(denominator, eps);
    foreachAddcdivInPlace(parameters, m, denominator, { value: -lr / (1 - beta1 ** step) });
  }
}

function resolve(given: AdamGroup, defaults: AdamOptions): ResolvedAdamGroup {
  const { parameters, ...own } = optionsOf(
    "new Adam([{ parameters, lr, betas, eps, weightDecay, decay }])",
    given,
  );
  const group: ResolvedAdamGroup = {
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0,
    decay: "l2",
    ...defaults,
    ...own,
    parameters: [...parameters],
  };
  requireAtLeast0("Adam", group, ["lr", "eps", "weightDecay"]);
  requireBetas("Adam", group.betas);
  requireChoice("Adam", "decay", group.decay, ["l2", "decoupled"]);
  return group;
}
