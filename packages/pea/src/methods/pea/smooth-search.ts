/**
 * Which smooth activation each site would rather have, by the gradients of a short run.
 *
 * @module
 */
import { PeaError, type SmoothName, smoothActivations } from "@pea/core";
import { sub, type Tensor } from "@pea/torch";
import { createActivation } from "../../activations/index.ts";
import { Probe } from "./probe.ts";
import type { SitePatterns } from "./site-choices.ts";

/** What the gradients of one candidate at one site sum up to. */
interface Sums {
  /** Of g. */
  sum: number;
  /** Of g². */
  squares: number;
}

/** Standard errors below 0 from which on a candidate counts as better. */
const CLEARLY = 2;

/**
 * For each site and each smooth activation c it gathers ∂L/∂p of y + p·(c(x) − Act(x)) at p = 0, the first-order change of the loss on
 * the way from the site's own smooth activation to c. A site is found to rather have the candidate of the least mean where that is
 * below 0 by two standard errors.
 */
export class SmoothSearch {
  readonly #paths: readonly string[];
  readonly #candidates: readonly SmoothName[];
  /** By site and candidate. */
  readonly #probes: readonly (readonly Probe[])[];
  #sums: Sums[][];
  /** Steps that were measured. */
  #count = 0;

  /** @param paths of the sites */
  constructor(paths: readonly string[]) {
    this.#paths = paths;
    this.#candidates = smoothActivations().map(({ name }) => name);
    // None has weights or a state: one serves all sites.
    const modules = this.#candidates.map((name) => createActivation(name));
    this.#probes = paths.map(() =>
      modules.map((module) => new Probe((x, { smooth }) => sub(module.forward(x), smooth(x)))),
    );
    this.#sums = paths.map(() => this.#candidates.map(() => ({ sum: 0, squares: 0 })));
  }

  probes(site: number): readonly Probe[] {
    return this.#probes[site] as readonly Probe[];
  }

  /** Of the passes since the last update, where they were measured. */
  get gradients(): Tensor[] {
    return this.#probes.flatMap((ofSite) => ofSite.flatMap(({ gradient }) => gradient ?? []));
  }

  /** Takes a step's gradients in, if it was measured. */
  update(): void {
    const taken = this.#probes.map((ofSite) => ofSite.map((probe) => probe.take()));
    if (taken.every((ofSite) => ofSite.every((gradient) => gradient === null))) return;
    this.#count++;
    taken.forEach((ofSite, site) => {
      ofSite.forEach((gradient, candidate) => {
        const sums = this.#sums[site]?.[candidate] as Sums;
        sums.sum += gradient ?? 0;
        sums.squares += (gradient ?? 0) ** 2;
      });
    });
  }

  /** The sites that would rather have another smooth activation, by their paths. */
  get found(): SitePatterns {
    const better = this.#sums.flatMap((ofSite, site) => {
      const [best] = ofSite
        .map(({ sum, squares }, candidate) => {
          const mean = sum / this.#count;
          const variance = (squares - this.#count * mean ** 2) / (this.#count - 1);
          return { mean, isClear: mean < -CLEARLY * Math.sqrt(variance / this.#count), candidate };
        })
        .filter(({ isClear }) => isClear)
        .toSorted((a, b) => a.mean - b.mean);
      if (best === undefined) return [];
      return [
        [this.#paths[site] as string, { smooth: this.#candidates[best.candidate] as SmoothName }] as const,
      ];
    });
    return Object.fromEntries(better);
  }

  /** For a checkpoint. */
  get state(): string {
    return JSON.stringify({ candidates: this.#candidates, count: this.#count, sums: this.#sums });
  }

  /** @throws PeaError of kind usage where it was of other activations */
  set state(state: string) {
    const { candidates, count, sums } = JSON.parse(state);
    if (`${candidates}` !== `${this.#candidates}`)
      throw new PeaError(
        `the saved run searched among ${candidates.join(", ")}, now there are ${this.#candidates.join(", ")}; import the same activations`,
        { kind: "usage" },
      );
    this.#count = count;
    this.#sums = sums;
  }

  dispose(): void {
    for (const probe of this.#probes.flat()) probe.dispose();
  }
}
