/**
 * The ensemble of ReLU and a smooth activation that stands at every activation site during PEA training.
 *
 * @module
 */
import type { Ensemble, ownSmooth, SmoothName } from "@pea/core";
import { type EnsembleActModule, type EnsembleActOptions, ensembleAct } from "@pea/kernels";
import { Module, type Tensor } from "@pea/torch";
import type { PassingActivation } from "../../activations/passing-activation.ts";

/** What all sites of a network share. It holds no tensor, so the state dict is that of the plain network. */
export interface EnsembleControl {
  readonly ensemble: Ensemble;
  readonly smooth: SmoothName | typeof ownSmooth;
  /** Seed of the stochastic masks. */
  readonly seed: number;
  /** Training step, from 0, below 2^32; keys the stochastic masks. */
  readonly step: number;
  /** Part of the step's batch that passes, from 0; keys the stochastic masks as well. */
  readonly part: number;
  /** ReLU's coefficient (weighted) or probability (stochastic), 0 to 1; the mean over the sites where they differ. */
  readonly alpha: number;
  /** The α a site runs with: its own, or 1 while the network is evaluated as deployed. */
  effectiveAlpha(site: number): number;
  /** The activation that runs alone at α = 1. */
  readonly reluModule: Module;
}

/** The smooth activation of a site. */
export interface SiteSmooth {
  /** The activation that runs alone at α = 0. */
  readonly module: Module;
  /** As it runs beside ReLU: the name of its kernel, or `module` where it has none. */
  readonly ofKernels: EnsembleActOptions["smooth"];
}

/**
 * - weighted: `α · ReLU(x) + (1 − α) · Act(x)` (paper Eq. 1);
 * - stochastic, in training: per element ReLU(x) with probability α, else Act(x) (Eq. 3), by masks that follow from
 *   (seed, site, step, part of the batch) alone; in evaluation its expectation, which is the weighted formula (spec recipes 2.7).
 *
 * At α = 0 only the smooth activation runs and at α = 1 only ReLU, so both ends equal the plain networks bit for bit
 * and neither meets 0 · ∞ (spec recipes 2.5). Any shape and floating-point dtype; the output is as the input.
 */
export class EnsembleActivation extends Module implements EnsembleActModule, PassingActivation {
  readonly control: EnsembleControl;
  /** Index of the site in the network, from 0; keys the stochastic masks. */
  readonly site: number;
  /** No child: the network's modules and keys are those of the plain one. */
  readonly #smooth: SiteSmooth;

  constructor(control: EnsembleControl, site: number, smooth: SiteSmooth) {
    super();
    this.control = control;
    this.site = site;
    this.#smooth = smooth;
  }

  get unfinished(): string | null {
    const { alpha } = this.control;
    return alpha < 1 ? `an ensemble with alpha ${alpha}` : null;
  }

  /** What the next forward pass computes; lets batch norm be fused with it. */
  get ensembleActOptions(): EnsembleActOptions {
    const { ensemble, seed, step, part } = this.control;
    return {
      ensemble: this.training ? ensemble : "weighted",
      smooth: this.#smooth.ofKernels,
      alpha: this.control.effectiveAlpha(this.site),
      seed,
      site: this.site,
      // The kernels key masks with 64 bits of step; parts get those that no run reaches.
      step: part * 2 ** 32 + step,
    };
  }

  override forward(x: Tensor): Tensor {
    const options = this.ensembleActOptions;
    if (options.alpha === 0) return this.#smooth.module.forward(x);
    if (options.alpha === 1) return this.control.reluModule.forward(x);
    return ensembleAct(x, options);
  }
}

/** Whether a module is an ensemble activation. */
export function isEnsembleActivation(module: Module): module is EnsembleActivation {
  return module instanceof EnsembleActivation;
}
