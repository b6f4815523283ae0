/**
 * The ensemble of ReLU and a smooth activation that stands at every activation site during PEA training.
 *
 * @module
 */
import { type Ensemble, stochasticMask } from "@pea/core";
import { type EnsembleActModule, type EnsembleActOptions, ensembleAct } from "@pea/kernels";
import { Module, type Tensor } from "@pea/torch";
import type { PassingActivation } from "../../activations/passing-activation.ts";
import { boundOf } from "../activation-modules.ts";
import { LearnedBeta } from "./learned-beta.ts";
import type { Probe } from "./probe.ts";

/** What one draw of the stochastic ensemble decides for: an element, a channel of an image, an image, or a site's whole batch. */
export const maskKinds = ["element", "channel", "sample", "layer"] as const;
export type MaskKind = (typeof maskKinds)[number];

/** What all sites of a network share. It holds no tensor, so the state dict is that of the plain network. */
export interface EnsembleControl {
  /** What a draw of the stochastic ensemble decides for. */
  readonly masks: MaskKind;
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
  /** What measures gradients of a site in a training pass of this moment. */
  probes(site: number): readonly Probe[];
}

/** The two activations of a site, and how they run beside one another. */
export interface SiteActivations {
  readonly ensemble: Ensemble;
  /** That which runs alone at α = 0. */
  readonly smooth: Module;
  /** As it runs beside ReLU: the name of its kernel, or `smooth` where it has none. */
  readonly ofKernels: EnsembleActOptions["smooth"];
  /** β: Act(βx)/β is the smooth activation. */
  readonly beta: number | LearnedBeta;
  /** That which runs alone at α = 1, and is left in the end: ReLU, or one cut off. */
  readonly relu: Module;
}

/**
 * - weighted: `α · ReLU(x) + (1 − α) · Act(x)` (paper Eq. 1);
 * - stochastic, in training: per element ReLU(x) with probability α, else Act(x) (Eq. 3), by masks that follow from
 *   (seed, site, step, part of the batch) alone, or per channel, image or site where `masks` says so; in evaluation its expectation, which is the weighted formula (spec recipes 2.7).
 *
 * At α = 0 only the smooth activation runs and at α = 1 only ReLU, so both ends equal the plain networks bit for bit
 * and neither meets 0 · ∞ (spec recipes 2.5). Any shape and floating-point dtype; the output is as the input.
 */
export class EnsembleActivation extends Module implements EnsembleActModule, PassingActivation {
  readonly control: EnsembleControl;
  /** Index of the site in the network, from 0; keys the stochastic masks. */
  readonly site: number;
  /** No child: the network's modules and keys are those of the plain one. */
  readonly #own: SiteActivations;

  constructor(control: EnsembleControl, site: number, own: SiteActivations) {
    super();
    this.control = control;
    this.site = site;
    this.#own = own;
  }

  /** What is left in the end. */
  get relu(): Module {
    return this.#own.relu;
  }

  get unfinished(): string | null {
    const { alpha } = this.control;
    return alpha < 1 ? `an ensemble with alpha ${alpha}` : null;
  }

  /** What the next forward pass computes; lets batch norm be fused with it. Kernels have no gradients of α and β. */
  get ensembleActOptions(): EnsembleActOptions | null {
    return this.#learns || this.#probes.length > 0 ? null : this.#options;
  }

  get #options(): EnsembleActOptions {
    const { seed, step, part, masks } = this.control;
    const { ensemble } = this.#own;
    const alpha = this.control.effectiveAlpha(this.site);
    // The kernels key masks with 64 bits of step; parts get those that no run reaches.
    const key = { seed, site: this.site, step: part * 2 ** 32 + step };
    return {
      ensemble: this.training ? ensemble : "weighted",
      smooth: this.#own.ofKernels,
      beta: this.beta,
      ...boundOf(this.relu),
      masks: masks === "layer" ? "element" : masks,
      // What one draw decides for the whole site is one activation alone.
      alpha: this.#draws(alpha) && masks === "layer" ? (stochasticMask(1, alpha, key)[0] as number) : alpha,
      ...key,
    };
  }

  override forward(x: Tensor): Tensor {
    const own = { relu: (x: Tensor) => this.relu.forward(x), smooth: (x: Tensor) => this.#smooth(x) };
    return this.#probes.reduce((y, probe) => probe.add(y, x, own), this.#ensemble(x));
  }

  #ensemble(x: Tensor): Tensor {
    const options = this.#options;
    if (options.alpha === 0) return this.#smooth(x);
    if (options.alpha === 1) return this.relu.forward(x);
    return ensembleAct(x, options);
  }

  get #probes(): readonly Probe[] {
    return this.training ? this.control.probes(this.site) : [];
  }

  /** β of this moment. */
  get beta(): number {
    const { beta } = this.#own;
    return typeof beta === "number" ? beta : beta.value;
  }

  /** Where β is learned. */
  get learnedBeta(): LearnedBeta | null {
    return this.#own.beta instanceof LearnedBeta ? this.#own.beta : null;
  }

  /** Whether β is learned in this pass. */
  get #learns(): boolean {
    return this.training && this.control.effectiveAlpha(this.site) === 0 && this.learnedBeta !== null;
  }

  /** The smooth activation alone. */
  #smooth(x: Tensor): Tensor {
    const { smooth, ofKernels } = this.#own;
    if (this.#learns) return (this.learnedBeta as LearnedBeta).sharpen((one) => smooth.forward(one), x);
    if (this.beta === 1) return smooth.forward(x);
    return ensembleAct(x, { ensemble: "weighted", smooth: ofKernels, alpha: 0, beta: this.beta });
  }

  /** Whether activations are drawn with this α. */
  #draws(alpha: number): boolean {
    return this.training && this.#own.ensemble === "stochastic" && alpha > 0 && alpha < 1;
  }
}

/** Whether a module is an ensemble activation. */
export function isEnsembleActivation(module: Module): module is EnsembleActivation {
  return module instanceof EnsembleActivation;
}
