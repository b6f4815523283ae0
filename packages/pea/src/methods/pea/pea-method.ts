/**
 * PEA as a training method of the trainer.
 *
 * @module
 */
import {
  alphaAt,
  type Duration,
  ownSmooth,
  PeaError,
  type PhasePlan,
  parseDuration,
  parseVariant,
  planOfSite,
  planPhases,
  type ScheduleOptions,
  type TransitionEnd,
  type Variant,
} from "@pea/core";
import { type Graph, smoothToRelu } from "@pea/graph";
import { meanOf } from "../../common/mean.ts";
import type { Ranks } from "../../distributed/ranks.ts";
import { requireReLU, requireSmooth } from "../activation-modules.ts";
import type { FitContext, Method, MethodState, Obstacle, Phase, StepSpan } from "../method.ts";
import { refuseOtherState } from "../method-state.ts";
import { applyPea } from "./apply.ts";
import type { MaskKind } from "./ensemble-activation.ts";
import { finalize } from "./finalize.ts";
import type { PeaHandle } from "./handle.ts";
import { obstacleOfAlpha } from "./obstacle.ts";
import { MEASURED_EVERY } from "./probe.ts";
import type { BetaChoice, SitePatterns } from "./site-choices.ts";

/** Settings of PEA training; the shape of the schedule and its details are those of `alphaAt` in @pea/core. */
export interface PeaMethodOptions extends Pick<ScheduleOptions, "shape" | "indexing" | "granularity"> {
  /** Variant code: ensemble, smooth activation and transition end, e.g. `SM75%` or `WG90`. */
  variant: string;
  /** Length of the initial phase, e.g. `4%`; default see `planPhases` in @pea/core. */
  initial?: string | number;
  /** Share of the transition by which the last site begins after the first, see `planOfSite`; default 0: one α for all. */
  lag?: number;
  /** Whether all sites share one α, or each learns its own with the schedule's as their mean; default `shared`. */
  siteAlpha?: "shared" | "learned";
  /** β of the smooth activations, Act(βx)/β, or that it is learned in the initial phase, by site; default 1. */
  beta?: BetaChoice;
  /** Ensembles and smooth activations of sites that have others than the variant's, by patterns of their paths. */
  sites?: SitePatterns | undefined;
  /** Whether to find out which smooth activation each site would rather have; default false. */
  search?: boolean;
  /** What a draw of the stochastic ensemble decides for; default: an element. */
  masks?: MaskKind;
  /** Peak learning rate of the smooth activation, which the rate follows α from; left out: the run's own all along. */
  lrSmooth?: number | undefined;
}

/** A method that has met its run. */
interface Fitted {
  handle: PeaHandle;
  context: FitContext;
  plan: PhasePlan;
  /** Of each site, where they lag. */
  sitePlans: PhasePlan[];
}

/**
 * Trains with an ensemble of ReLU and a smooth activation: α = 0 in the initial phase, glides to 1 in the transition
 * phase and stays there in the final phase (paper section 3).
 */
export class PeaMethod implements Method {
  readonly #code: string;
  readonly #variant: Variant;
  readonly #initial: Duration | undefined;
  readonly #schedule: Required<Pick<ScheduleOptions, "shape" | "indexing" | "granularity">>;
  readonly #lag: number;
  readonly #siteAlpha: "shared" | "learned";
  readonly #beta: BetaChoice;
  readonly #sites: SitePatterns | undefined;
  readonly #search: boolean;
  readonly #masks: MaskKind;
  readonly #lrSmooth: number | undefined;
  #fitted: Fitted | null = null;
  /** Steps begun so far. */
  #steps = 0;
  /** Of the step that was asked for last: β is learned by it. */
  #learningRate: { step: number; rate: number } | null = null;

  /** @throws PeaError of kind usage for a code or duration that does not parse. */
  constructor(options: PeaMethodOptions) {
    const {
      variant,
      initial,
      shape = "linear",
      indexing = "zero-based",
      granularity = "step",
      lag = 0,
      siteAlpha = "shared",
      beta = 1,
      sites,
      search = false,
      masks = "element",
      lrSmooth,
    } = options;
    this.#code = variant;
    this.#variant = parseVariant(variant);
    this.#initial = initial === undefined ? undefined : parseDuration(initial);
    this.#lag = lag;
    this.#siteAlpha = siteAlpha;
    if (lag > 0 && siteAlpha === "learned")
      throw new PeaError(
        `pea ${variant} has lag ${lag} and siteAlpha learned, which both say how far each site is; leave one out`,
        { kind: "usage" },
      );
    this.#beta = beta;
    this.#sites = sites;
    this.#search = search;
    this.#masks = masks;
    this.#lrSmooth = lrSmooth;
    this.#schedule = { shape, indexing, granularity };
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

  get view(): "deployed" | null {
    return this.#run.handle.alpha < 1 ? "deployed" : null;
  }

  /**
   * Lays the phases over the run and applies PEA to the model.
   *
   * @throws PeaError of kind usage when no step is left for the transition or for the final phase, or the model has no ReLU.
   */
  fit(context: FitContext): void {
    const { ensemble, smooth } = this.#variant;
    const plan = this.#phasesOf(context);
    const requireSites = smooth === ownSmooth ? requireSmooth : requireReLU;
    requireSites(context.model, `pea ${this.#code}`);
    this.#requireMeasured(plan, context);
    const { seed, model } = context;
    const handle = applyPea(model, {
      ...{ ensemble, smooth, seed },
      ...{ beta: this.#beta, sites: this.#sites, siteAlpha: this.#siteAlpha },
      ...{ search: this.#search, masks: this.#masks },
    });
    if (handle.learnedBetas.length > 0 && plan.initialSteps === 0)
      throw new PeaError(
        `pea ${this.#code} learns beta in the initial phase, which has no step; give it a length (initial), or a number for beta`,
        { kind: "usage" },
      );
    const count = this.#lag > 0 ? handle.sites.length : 0;
    const sitePlans = Array.from({ length: count }, (_, site) => planOfSite(plan, this.#lag, site, count));
    this.#fitted = { handle, context, plan, sitePlans };
  }

  beforePass(step: number, part = 0): void {
    const { handle, sitePlans } = this.#run;
    if (sitePlans.length === 0) handle.alpha = this.#alphaAt(step);
    else handle.siteAlphas = sitePlans.map((plan) => this.#alphaAt(step, plan));
    handle.step = step;
    handle.part = part;
    handle.view = "current";
    this.#steps = step + 1;
  }

  /** rate · (α · lr + (1 − α) · lrSmooth) / lr: what the smooth activation trains best with at first, ReLU's rate in the end. */
  learningRate(rate: number, step: number): number {
    const { peakLearningRate: peak = 0 } = this.#run.context;
    const alpha = this.#alphaAt(step);
    const isOwn = this.#lrSmooth === undefined || peak === 0 || alpha === 1;
    const own = isOwn ? rate : (rate * (alpha * peak + (1 - alpha) * this.#lrSmooth)) / peak;
    this.#learningRate = { step, rate: own };
    return own;
  }

  async share(ranks: Ranks): Promise<void> {
    const { learnedAlphas, learnedBetas, search } = this.#run.handle;
    const ofBetas = learnedBetas.flatMap(({ gradient }) => gradient ?? []);
    const gradients = [...ofBetas, ...(learnedAlphas?.gradients ?? []), ...(search?.gradients ?? [])];
    if (gradients.length > 0) await ranks.sum(gradients);
    for (const gradient of gradients) gradient.dispose();
  }

  /** @throws PeaError where a β is learned and nobody has told the learning rate of the step */
  afterStep(step: number): void {
    const { handle, plan } = this.#run;
    handle.search?.update();
    handle.learnedAlphas?.update(Math.min(0.1, (2 * MEASURED_EVERY) / plan.transitionSteps));
    const learned = handle.learnedBetas;
    if (learned.length === 0) return;
    if (this.#learningRate?.step !== step)
      throw new PeaError(
        `pea learns beta by the learning rate of each step: call learningRate(rate, ${step}) before the step`,
      );
    for (const beta of learned) beta.update(this.#learningRate.rate);
  }

  show(deployed: boolean): void {
    this.#run.handle.view = deployed ? "deployed" : "current";
  }

  obstacle(): Obstacle | null {
    const { handle, plan } = this.#run;
    return obstacleOfAlpha(handle.alpha, plan.initialSteps + plan.transitionSteps);
  }

  asDeployed(graph: Graph): Graph {
    return this.#variant.smooth === ownSmooth ? smoothToRelu(graph) : graph;
  }

  /** @throws PeaError unless the last step ran with α = 1. */
  deploy(): void {
    finalize(this.#run.context.model);
  }

  scalars(): Record<string, number> {
    const { alpha, siteAlphas, learnedAlphas, betas, learnedBetas } = this.#run.handle;
    const spread = Math.max(...siteAlphas) - Math.min(...siteAlphas);
    return {
      alpha,
      ...(learnedAlphas !== null && { alphaSpread: spread }),
      ...(learnedBetas.length > 0 && { beta: meanOf(betas) }),
    };
  }

  isCandidate({ firstStep }: StepSpan): boolean {
    return this.#alphaAt(firstStep) === 1;
  }

  /** Where it searched or learned β: the sites that a next run begins with, by the recipe's key. */
  found(): Record<string, unknown> {
    const { search, sites } = this.#run.handle;
    const learned = sites.filter(({ module }) => module.learnedBeta !== null);
    if (search === null && learned.length === 0) return {};
    const own = new Map(Object.entries(this.#sites ?? {}));
    const note = (path: string, choice: object) => own.set(path, { ...own.get(path), ...choice });
    const searched = search?.found ?? {};
    // The β that was learned is that of the activation that ran.
    for (const { path, module } of learned) if (!(path in searched)) note(path, { beta: module.beta });
    for (const [path, choice] of Object.entries(searched)) note(path, choice);
    return { peaSites: Object.fromEntries(own) };
  }

  state(): MethodState {
    const { learnedAlphas, learnedBetas, search } = this.#run.handle;
    const betas = learnedBetas.map(({ value, velocity }) => [value, velocity]);
    return {
      ...this.#plan,
      ...(learnedAlphas !== null && { offsets: JSON.stringify(learnedAlphas.offsets) }),
      ...(search !== null && { searched: search.state }),
      ...(betas.length > 0 && { betas: JSON.stringify(betas) }),
      steps: this.#steps,
    };
  }

  load({ offsets, searched, betas = "[]", ...state }: MethodState): void {
    refuseOtherState(this.#plan, state);
    const { learnedAlphas, search } = this.#run.handle;
    if (search !== null && searched !== undefined) search.state = String(searched);
    if (learnedAlphas !== null && offsets !== undefined) learnedAlphas.offsets = JSON.parse(String(offsets));
    const learned = JSON.parse(String(betas)) as [number, number][];
    this.#run.handle.learnedBetas.forEach((beta, i) => {
      const [value, velocity] = learned[i] ?? [1, 0];
      beta.set(value, velocity);
    });
    const steps = Number(state.steps);
    if (steps > 0) this.beforePass(steps - 1);
  }

  dispose(): void {
    this.#fitted?.handle.search?.dispose();
    this.#fitted?.handle.learnedAlphas?.dispose();
    for (const beta of this.#fitted?.handle.learnedBetas ?? []) beta.dispose();
  }

  /** What a checkpoint goes on with. */
  get #plan(): MethodState {
    const { handle, context, plan } = this.#run;
    return {
      ensemble: handle.ensemble,
      smooth: handle.smooth,
      seed: handle.seed,
      initialSteps: plan.initialSteps,
      transitionSteps: plan.transitionSteps,
      totalSteps: plan.totalSteps,
      stepsPerEpoch: context.stepsPerEpoch,
      ...this.#schedule,
      ...(this.#lag > 0 && { lag: this.#lag }),
      ...(this.#siteAlpha !== "shared" && { siteAlpha: this.#siteAlpha }),
      ...(this.#search && { search: true }),
      ...(this.#beta !== 1 && { beta: this.#beta }),
      ...(this.#sites !== undefined && { sites: JSON.stringify(this.#sites) }),
      ...(this.#masks !== "element" && { masks: this.#masks }),
      ...(this.#lrSmooth !== undefined && { lrSmooth: this.#lrSmooth }),
    };
  }

  get #run(): Fitted {
    if (this.#fitted === null) throw new PeaError("PeaMethod: call fit before the other hooks");
    return this.#fitted;
  }

  #alphaAt(step: number, plan = this.#run.plan): number {
    const { context } = this.#run;
    return alphaAt(step, plan, { ...this.#schedule, stepsPerEpoch: context.stepsPerEpoch });
  }

  /** @throws PeaError of kind usage where what is to be measured in every tenth step would not be */
  #requireMeasured(plan: PhasePlan, { stepsPerEpoch }: FitContext): void {
    const end = plan.initialSteps + plan.transitionSteps;
    const alphas: number[] = [];
    for (let step = 0; step < end; step += MEASURED_EVERY)
      alphas.push(alphaAt(step, plan, { ...this.#schedule, stepsPerEpoch }));
    const refuse = (what: string, steps: string, count: number, key: string) => {
      throw new PeaError(
        `pea ${this.#code} ${what} by every ${MEASURED_EVERY}th step of the run, of which ${count} ${steps}; train longer, or leave ` +
          `${key} out`,
        { kind: "usage" },
      );
    };
    const beside = alphas.filter((alpha) => alpha > 0 && alpha < 1).length;
    if (this.#siteAlpha === "learned" && beside === 0)
      refuse("learns alpha of each site", "lies in the transition", beside, "siteAlpha");
    // One step has no standard error.
    const before = alphas.filter((alpha) => alpha < 1).length;
    if (this.#search && before < 2) refuse("searches", "lies before ReLU runs alone", before, "search");
  }

  #phasesOf(context: FitContext): PhasePlan {
    return planPhases(context, durationOf(this.#variant.end), this.#initial, this.#code);
  }
}

function durationOf(end: TransitionEnd): Duration {
  return "epochs" in end ? { unit: "epochs", value: end.epochs } : { unit: "share", value: end.share };
}
