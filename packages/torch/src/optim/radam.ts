import {
  foreachAdd,
  foreachAddcdivInPlace,
  foreachAddInPlace,
  foreachAddScalarInPlace,
  foreachMulInPlace,
  foreachSqrt,
} from "../ops/foreach.ts";
import { optionsOf } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { type MomentLists, MomentOptimizer, requireBetas, updateMoments } from "./moments.ts";
import { type ParameterGroup, requireAtLeast0, requireChoice } from "./optimizer.ts";

/** Settings of RAdam. */
export interface RAdamOptions {
  /** Learning rate, at least 0. */
  lr: number;
  /** β1 and β2, from 0 up to but not 1; 0.9 and 0.999 by default. */
  betas?: readonly [number, number];
  /** ε, at least 0; 1e-8 by default. */
  eps?: number;
  /** λ, at least 0; 0 by default. */
  weightDecay?: number;
  /** `l2` adds λ · p to the gradient; `decoupled` shrinks p by lr · λ · p. `l2` by default. */
  decay?: "l2" | "decoupled";
  /** ρ above which a step is rectified: 5 as PyTorch (default), 4 as the paper. They differ in one step. */
  rhoThreshold?: 4 | 5;
  /** Steps before that take the momentum alone, as PyTorch and the paper (default), or nothing, as the authors' code. */
  unrectified?: "momentum" | "skip";
}

/** Parameters with settings of their own; those left out are the optimizer's. */
export type RAdamGroup = ParameterGroup<RAdamOptions>;

/** A group as the optimizer holds it; all settings may be changed between steps. */
export interface ResolvedRAdamGroup extends Required<RAdamOptions> {
  readonly parameters: readonly Tensor[];
}

/**
 * Rectified Adam (Liu et al. 2020; spec recipes 4.1). In step t = 1, 2, … of a parameter p with gradient g:
 *
 *     g ← g + λ · p                          (decay "l2")
 *     m ← β1 · m + (1 − β1) · g              (m and v start at 0)
 *     v ← β2 · v + (1 − β2) · g²
 *     ρ∞ = 2 / (1 − β2) − 1;  ρ = ρ∞ − 2 t β2^t / (1 − β2^t)
 *     p ← p − lr · λ · p                     (decay "decoupled")
 *     ρ > rhoThreshold:  p ← p − lr · r · m / (1 − β1^t) · √(1 − β2^t) / (√v + ε)
 *                        r = √( (ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ) )
 *     else:              p ← p − lr · m / (1 − β1^t)     (or p stays, decay included: unrectified "skip")
 *
 * The defaults are PyTorch's. The step is counted for each parameter, and only where it has a gradient. In the state,
 * m and v are PyTorch's `exp_avg` and `exp_avg_sq`.
 *
 * @example
 * const optimizer = new RAdam(model.parameters(), { lr: 1e-3, weightDecay: 1e-4 });
 */
export class RAdam extends MomentOptimizer<RAdamOptions, ResolvedRAdamGroup> {
  /** @throws TorchError for settings out of range, no parameters, or a parameter that stands in two groups */
  constructor(parameters: Iterable<Tensor> | readonly RAdamGroup[], options: RAdamOptions) {
    const defaults = optionsOf(
      "new RAdam(parameters, { lr, betas, eps, weightDecay, decay, rhoThreshold, unrectified })",
      options,
    );
    super(parameters, {
      name: "RAdam",
      resolve: (group) => resolve(group, defaults),
    });
  }

  protected override updateAt(
    step: number,
    group: ResolvedRAdamGroup,
    { parameters, gradients, m, v }: MomentLists,
  ): void {
    const { lr, betas, eps, weightDecay, decay, rhoThreshold, unrectified } = group;
    const [beta1, beta2] = betas;
    const g =
      decay === "l2" && weightDecay !== 0
        ? foreachAdd(gradients, parameters, { alpha: weightDecay })
        : gradients;
    updateMoments({ m, v }, g, betas);

    const rectification = rectificationAt(step, beta2, rhoThreshold);
    if (rectification === null && unrectified === "skip") return;
    if (decay === "decoupled" && weightDecay !== 0) foreachMulInPlace(parameters, 1 - lr * weightDecay);
    const rate = lr / (1 - beta1 ** step);
    if (rectification === null) {
      foreachAddInPlace(parameters, m, { alpha: -rate });
      return;
    }
    const denominator = foreachSqrt(v);
    foreachAddScalarInPlace(denominator, eps);
    const value = -rate * rectification * Math.sqrt(1 - beta2 ** step);
    foreachAddcdivInPlace(parameters, m, denominator, { value });
  }
}

/** r of step t, or null where ρ does not exceed the threshold. */
function rectificationAt(t: number, beta2: number, threshold: number): number | null {
  const rhoInf = 2 / (1 - beta2) - 1;
  const rho = rhoInf - (2 * t * beta2 ** t) / (1 - beta2 ** t);
  if (!(rho > threshold)) return null;
  return Math.sqrt(((rho - 4) * (rho - 2) * rhoInf) / ((rhoInf - 4) * (rhoInf - 2) * rho));
}

function resolve(given: RAdamGroup, defaults: RAdamOptions): ResolvedRAdamGroup {
  const { parameters, ...own } = optionsOf(
    "new RAdam([{ parameters, lr, betas, eps, weightDecay, decay, rhoThreshold, unrectified }])",
    given,
  );
  const group: ResolvedRAdamGroup = {
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0,
    decay: "l2",
    rhoThreshold: 5,
    unrectified: "momentum",
    ...defaults,
    ...own,
    parameters: [...parameters],
  };
  requireAtLeast0("RAdam", group, ["lr", "eps", "weightDecay"]);
  requireBetas("RAdam", group.betas);
  requireChoice("RAdam", "decay", group.decay, ["l2", "decoupled"]);
  requireChoice("RAdam", "rhoThreshold", group.rhoThreshold, [4, 5]);
  requireChoice("RAdam", "unrectified", group.unrectified, ["momentum", "skip"]);
  return group;
}
