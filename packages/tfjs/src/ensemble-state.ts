/**
 * What stands at one activation site while PEA trains: settings, and where in the run it is.
 *
 * @module
 */
import { activationNamed, checkAlpha, type Ensemble, PeaError } from "@pea/core";
import * as tf from "@tensorflow/tfjs";
import { mixture, type SmoothName, smoothNames, type TargetName } from "./elementwise/index.ts";
import { isTraining } from "./training-scope.ts";

/** What an evaluation looks at: the network as it is, or as it will be deployed. */
export type EvaluationView = "current" | "deployed";

/** Settings of an ensemble. */
export interface EnsembleSettings {
  readonly ensemble: Ensemble;
  readonly smooth: SmoothName;
  /** Seed of the stochastic masks, a whole number of at least 0; default 0. */
  readonly seed?: number;
}

/** Everything about a site, in plain words and numbers as a model's JSON keeps them unchanged. */
export interface EnsembleConfig extends EnsembleSettings {
  /** The activation that remains; default `relu`. */
  readonly target?: TargetName;
  /** The target's coefficient or probability; default 0. */
  readonly alpha?: number;
  /** Index in the network, which keys the masks; default 0. */
  readonly site?: number;
  /** Training step, from 0; keys the masks. Default 0. */
  readonly step?: number;
}

const ensembles: readonly string[] = ["weighted", "stochastic"] satisfies Ensemble[];
const targets: readonly string[] = ["relu", "relu6"] satisfies TargetName[];

/** The state of one site; see `PeaHandle`, which moves those of a model together. */
export class EnsembleState {
  readonly ensemble: Ensemble;
  readonly smooth: SmoothName;
  readonly target: TargetName;
  readonly seed: number;
  readonly site: number;
  /** `deployed` lets the target alone run, whatever α is. */
  view: EvaluationView = "current";
  #alpha = 0;
  #step = 0;
  /** Calls of the site within the step: a wrapper may call a layer once for each moment in time. */
  #calls = 0;

  /** @throws PeaError of kind usage for a setting that cannot be */
  constructor({
    ensemble,
    smooth,
    seed = 0,
    target = "relu",
    alpha = 0,
    site = 0,
    step = 0,
  }: EnsembleConfig) {
    this.ensemble = oneOf("ensemble", ensemble, ensembles);
    this.smooth = oneOf("smooth", (activationNamed(smooth)?.name ?? smooth) as SmoothName, smoothNames);
    this.target = oneOf("target", target, targets);
    this.seed = count("seed", seed);
    this.site = count("site", site);
    this.alpha = alpha;
    this.step = step;
  }

  get alpha(): number {
    return this.#alpha;
  }

  /** @throws PeaError of kind usage unless `alpha` is a number from 0 to 1 */
  set alpha(alpha: number) {
    checkAlpha(alpha);
    this.#alpha = alpha;
  }

  get step(): number {
    return this.#step;
  }

  /** @throws PeaError of kind usage unless `step` is a whole number from 0 to 2^32 − 1 */
  set step(step: number) {
    this.#step = count("step", step, 2 ** 32 - 1);
    this.#calls = 0;
  }

  /**
   * The activation at x. In training the stochastic ensemble draws; otherwise its expectation is taken, which is the
   * weighted formula. At α = 1 tfjs's own operator runs, so that the end equals the plain network bit for bit.
   *
   * @param x any shape, float32
   */
  apply(x: tf.Tensor): tf.Tensor {
    const alpha = this.view === "deployed" ? 1 : this.#alpha;
    if (alpha === 1) return this.target === "relu" ? tf.relu(x) : tf.relu6(x);
    const isDrawn = this.ensemble === "stochastic" && isTraining();
    // Masks are keyed by 64 bits of step; later calls within one step get those that no run reaches.
    const step = isDrawn ? this.#calls++ * 2 ** 32 + this.#step : this.#step;
    const { smooth, target, seed, site } = this;
    return mixture(x, {
      ensemble: isDrawn ? "stochastic" : "weighted",
      smooth,
      target,
      alpha,
      seed,
      site,
      step,
    });
  }

  /** What `new EnsembleState` makes the same state of. */
  get config(): Required<EnsembleConfig> {
    const { ensemble, smooth, target, seed, site, alpha, step } = this;
    return { ensemble, smooth, target, seed, site, alpha, step };
  }
}

function oneOf<Name extends string>(name: string, value: Name, choices: readonly string[]): Name {
  if (choices.includes(value)) return value;
  throw new PeaError(`${name} must be one of ${choices.join(", ")}, not ${value}`, { kind: "usage" });
}

function count(name: string, value: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= 0 && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? "of at least 0" : `from 0 to ${most}`;
  throw new PeaError(`${name} must be a whole number ${range}, not ${value}`, { kind: "usage" });
}
