/**
 * The handle by which a training loop steers the ensembles of a network.
 *
 * @module
 */
import { checkAlpha, type Ensemble, ownSmooth, PeaError, type SmoothName, smoothNamed } from "@pea/core";
import { ClippedReLU, type Module, ReLU } from "@pea/torch";
import { createActivation } from "../../activations/index.ts";
import { isReLU } from "../activation-modules.ts";
import { kernelFormOf } from "../kernel-form.ts";
import { findPlaces, type Place, replaceModules } from "../replace-modules.ts";
import {
  EnsembleActivation,
  type EnsembleControl,
  type MaskKind,
  maskKinds,
  type SiteActivations,
} from "./ensemble-activation.ts";
import { LearnedAlphas } from "./learned-alphas.ts";
import { LearnedBeta } from "./learned-beta.ts";
import { MEASURED_EVERY, type Probe } from "./probe.ts";
import { type BetaChoice, type SitePatterns, siteChoices } from "./site-choices.ts";
import { SmoothSearch } from "./smooth-search.ts";

/** Settings of the ensembles of one network. */
export interface EnsembleSettings {
  ensemble: Ensemble;
  /** Or `own`: the smooth activation that stands at each site already. */
  smooth: SmoothName | typeof ownSmooth;
  /** Act(βx)/β is the smooth activation, x·σ(βx) of Swish: a number above 0, or `learned` by site; default 1. */
  beta?: BetaChoice;
  /** What sites have in their place, by patterns of paths. */
  sites?: SitePatterns | undefined;
  /** Whether all sites share one α, or each learns its own with that as their mean; default `shared`. */
  siteAlpha?: "shared" | "learned";
  /** Whether to find out, on the way, which smooth activation each site would rather have (`SmoothSearch`); default false. */
  search?: boolean;
  /** What a draw of the stochastic ensemble decides for; default `element`, as in the paper. */
  masks?: MaskKind;
  /** Seed of the stochastic masks, a whole number of at least 0; default 0. */
  seed?: number;
}

const ensembles: readonly Ensemble[] = ["weighted", "stochastic"];

/** α, step and view for all activation sites of a network; see `applyPea`. */
export class PeaHandle implements EnsembleControl {
  readonly ensemble: Ensemble;
  readonly smooth: SmoothName | typeof ownSmooth;
  readonly masks: MaskKind;
  readonly seed: number;

  /** The activation sites, in the order of definition, which is their index. */
  readonly sites: readonly Place<EnsembleActivation>[];

  /** The α of the sites, where they are learned: to be updated after each step (`update`). */
  readonly learnedAlphas: LearnedAlphas | null;

  /** What is found out about smooth activations; to be updated after each step (`update`). */
  readonly search: SmoothSearch | null;

  /** `deployed` lets ReLU alone run, whatever α is; for evaluation. */
  view: "current" | "deployed" = "current";

  #alpha = 0;
  #siteAlphas: readonly number[] | null = null;
  #step = 0;
  #part = 0;

  /**
   * Puts an ensemble activation at each of `places` in `model`; use `applyPea`, which finds them.
   *
   * @throws PeaError of kind usage for an unknown ensemble or smooth activation, a beta that is not above 0, or a seed that is
   * no whole number of at least 0; the model is then as it was.
   */
  constructor(
    model: Module,
    places: readonly Place[],
    {
      ensemble,
      smooth,
      beta = 1,
      sites = {},
      siteAlpha = "shared",
      search = false,
      masks = "element",
      seed = 0,
    }: EnsembleSettings,
  ) {
    this.ensemble = oneOf("ensemble", ensemble, ensembles);
    this.masks = oneOf("masks", masks, maskKinds);
    this.smooth = smooth === ownSmooth ? ownSmooth : smoothNamed(smooth).name;
    this.seed = count("seed", seed);
    const isLearned = oneOf("siteAlpha", siteAlpha, ["shared", "learned"]) === "learned";
    this.learnedAlphas = isLearned ? new LearnedAlphas(places.length) : null;
    this.search = search ? new SmoothSearch(places.map(({ path }) => path)) : null;
    const choices = siteChoices(
      places.map(({ path }) => path),
      sites,
      { ensemble: this.ensemble, smooth: this.smooth, beta },
    );
    if (masks !== "element" && choices.length > 0 && choices.every(({ ensemble }) => ensemble === "weighted"))
      throw new PeaError(
        `masks is ${masks}, but the weighted ensemble draws none; leave masks out, or take the stochastic ensemble`,
        { kind: "usage" },
      );
    const activations = choices.map(({ ensemble, smooth, beta }, i) => ({
      ensemble: oneOf("ensemble", ensemble, ensembles),
      beta: siteBeta(beta),
      ...siteSmooth(smooth === ownSmooth ? (places[i] as Place).module : createActivation(smooth)),
    }));
    this.sites = replaceModules(
      model,
      places,
      ({ module }, site) =>
        new EnsembleActivation(this, site, {
          ...(activations[site] as (typeof activations)[number]),
          relu: isReLU(module) ? module : reluOf(model),
        }),
    );
  }

  /**
   * ReLU's coefficient (weighted) or probability (stochastic), the same for all sites; 0 at first. Where sites have an α
   * each, their mean; where these are learned, setting it lays the budget that they share.
   */
  get alpha(): number {
    return this.#alpha;
  }

  /** @throws PeaError of kind usage unless `alpha` is a number from 0 to 1. */
  set alpha(alpha: number) {
    checkAlpha(alpha);
    this.#alpha = alpha;
    this.#siteAlphas = this.learnedAlphas?.at(alpha) ?? null;
  }

  /** An α for each site, in the order of their index. */
  get siteAlphas(): readonly number[] {
    return this.#siteAlphas ?? this.sites.map(() => this.#alpha);
  }

  /** @throws PeaError of kind usage unless there is a number from 0 to 1 for each site. */
  set siteAlphas(alphas: readonly number[]) {
    if (alphas.length !== this.sites.length) {
      throw new PeaError(
        `siteAlphas has ${alphas.length} numbers, but there are ${this.sites.length} sites`,
        {
          kind: "usage",
        },
      );
    }
    alphas.forEach(checkAlpha);
    const sum = alphas.reduce((sum, alpha) => sum + alpha, 0);
    this.#alpha = alphas.length > 0 ? sum / alphas.length : this.#alpha;
    this.#siteAlphas = [...alphas];
  }

  /** The training step the stochastic masks are drawn for; 0 at first. */
  get step(): number {
    return this.#step;
  }

  /** @throws PeaError of kind usage unless `step` is a whole number from 0 to 2^32 − 1. */
  set step(step: number) {
    this.#step = count("step", step, 2 ** 32 - 1);
  }

  /** The part of the step's batch the stochastic masks are drawn for, where it passes in several; 0 at first. */
  get part(): number {
    return this.#part;
  }

  /** @throws PeaError of kind usage unless `part` is a whole number from 0 to 2^20. */
  set part(part: number) {
    this.#part = count("part", part, 2 ** 20);
  }

  /** β of the smooth activation of each site, in the order of their index. */
  get betas(): readonly number[] {
    return this.sites.map(({ module }) => module.beta);
  }

  /** Those of the sites whose β is learned, to be updated after each step that trains with α = 0 (`update`). */
  get learnedBetas(): readonly LearnedBeta[] {
    return this.sites.flatMap(({ module }) => module.learnedBeta ?? []);
  }

  /** In every tenth step until ReLU runs alone: of α, where it is learned and ReLU has begun to run, and of the search. */
  probes(site: number): readonly Probe[] {
    if (this.#step % MEASURED_EVERY !== 0 || this.#alpha === 1) return [];
    const ofAlpha = this.#alpha > 0 ? this.learnedAlphas?.probe(site) : undefined;
    return [...(ofAlpha ? [ofAlpha] : []), ...(this.search?.probes(site) ?? [])];
  }

  /** The α a site runs with: 1 in the view `deployed`, else its own. */
  effectiveAlpha(site: number): number {
    if (this.view === "deployed") return 1;
    return this.#siteAlphas?.[site] ?? this.#alpha;
  }
}

/** @param module of a smooth activation */
function siteSmooth(module: Module): Pick<SiteActivations, "smooth" | "ofKernels"> {
  return { smooth: module, ofKernels: kernelFormOf(module) };
}

function siteBeta(beta: BetaChoice): SiteActivations["beta"] {
  if (beta === "learned") return new LearnedBeta();
  if (beta > 0 && [beta, 1 / beta].every((factor) => Number.isFinite(Math.fround(factor)))) return beta;
  throw new PeaError(`beta must be a number above 0, or learned, not ${beta}`, { kind: "usage" });
}

function oneOf<Name extends string>(name: string, value: Name, choices: readonly Name[]): Name {
  if (choices.includes(value)) return value;
  throw new PeaError(`${name} must be one of ${choices.join(", ")}, not ${value}`, { kind: "usage" });
}

function count(name: string, value: number, most = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER ? "of at least 0" : `from 0 to ${most}`;
    throw new PeaError(`${name} must be a whole number ${range}, not ${value}`, { kind: "usage" });
  }
  return value;
}

/** What a smooth site of the network's own ends in: ReLU as the network has it elsewhere, cut off where that is. */
function reluOf(model: Module): Module {
  const [clipped] = findPlaces(model, (module) => module instanceof ClippedReLU);
  return clipped === undefined ? new ReLU() : new ClippedReLU(clipped.module.bound);
}
