/**
 * An α for each site, learned under a budget: their mean is the schedule's α.
 *
 * @module
 */
import { sub, type Tensor } from "@pea/torch";
import { meanOf } from "../../common/mean.ts";
import { Probe } from "./probe.ts";

/**
 * The point of [0, 1]ⁿ of a mean that is nearest to `values`: all moved by one number and cut off (Wang and Lu, "Projection onto the
 * capped simplex", 2015). Its mean is exact but for rounding.
 *
 * @param mean from 0 to 1
 */
export function withMean(values: readonly number[], mean: number): number[] {
  if (mean === 0 || mean === 1) return values.map(() => mean);
  const moved = (by: number) => values.map((value) => Math.min(Math.max(value + by, 0), 1));
  let [low, high] = [-Math.max(...values), 1 - Math.min(...values)];
  // The mean rises with the number; so many halves leave nothing between two doubles.
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (meanOf(moved(middle)) < mean) low = middle;
    else high = middle;
  }
  return moved(high);
}

/**
 * Offsets of the sites' α from the schedule's, moved against the gradient of the loss. α of the sites are the schedule's and the
 * offsets, projected to the budget (`withMean`): in the initial phase all are 0, in the final phase all 1.
 *
 * What is followed is ∂L/∂α = Σ ∂L/∂y · (ReLU(x) − Act(x)) of each site less its mean over the sites, which the budget takes, in
 * units of its root mean square: offsets move by as much in any network, however steep its loss. The gradient is that of the weighted
 * ensemble, which the stochastic one's mean follows, too.
 */
export class LearnedAlphas {
  #offsets: number[];
  readonly #probes: readonly Probe[];

  constructor(sites: number) {
    this.#offsets = Array.from({ length: sites }, () => 0);
    this.#probes = this.#offsets.map(() => new Probe((x, { relu, smooth }) => sub(relu(x), smooth(x))));
  }

  get offsets(): readonly number[] {
    return this.#offsets;
  }

  set offsets(offsets: readonly number[]) {
    this.#offsets = [...offsets];
  }

  /** α of each site where the schedule has `alpha`. */
  at(alpha: number): number[] {
    return withMean(
      this.#offsets.map((offset) => alpha + offset),
      alpha,
    );
  }

  /** What measures ∂L/∂α of a site. */
  probe(site: number): Probe {
    return this.#probes[site] as Probe;
  }

  /** Of the passes since the last update, where they were measured. */
  get gradients(): Tensor[] {
    return this.#probes.flatMap(({ gradient }) => gradient ?? []);
  }

  /** Moves the offsets, if a pass was measured. @param by root mean square over the sites of what they move by */
  update(by: number): void {
    const gradients = this.#probes.map((probe) => probe.take() ?? 0);
    const mean = meanOf(gradients);
    const spread = Math.sqrt(meanOf(gradients.map((gradient) => (gradient - mean) ** 2)));
    if (!(spread > 0 && Number.isFinite(spread))) return;
    this.#offsets = this.#offsets.map(
      (offset, i) => offset - (by * ((gradients[i] as number) - mean)) / spread,
    );
  }

  dispose(): void {
    for (const probe of this.#probes) probe.dispose();
  }
}
