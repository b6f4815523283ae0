/**
 * Ranges of values, tracked while a network trains.
 *
 * @module
 */
import type { Range, Scheme, ValueGroup } from "@pea/graph";
import type { Tensor } from "@pea/torch";
import { type Ranks, sumsOf } from "../../distributed/ranks.ts";
import type { MethodState } from "../method.ts";
import { rangeOf, roundedValue, type ValueRanges } from "./value-ranges.ts";

/**
 * One range for each group of values: in the first pass that of what is seen, then range ← range + momentum · (seen − range)
 * at the end of each. A pass is rounded by the ranges of the passes before it.
 */
export class TrackedRanges implements ValueRanges {
  readonly #groups: readonly ValueGroup[];
  readonly #scheme: Scheme;
  readonly #groupOf: ReadonlyMap<string, number>;
  readonly #momentum: number;
  readonly #tracked: (Range | null)[];
  #seen: (Range | null)[];

  /** @param options.momentum from 0 to 1 */
  constructor(groups: readonly ValueGroup[], { momentum, ...scheme }: Scheme & { momentum: number }) {
    this.#groups = groups;
    this.#scheme = scheme;
    this.#groupOf = new Map(groups.flatMap(({ values }, i) => values.map((name) => [name, i] as const)));
    this.#momentum = momentum;
    this.#tracked = groups.map(() => null);
    this.#seen = groups.map(() => null);
  }

  /** Rounded by the range of the passes before; where there is none, by that of all of its group that this pass has shown. */
  round(name: string, value: Tensor, { training }: { training: boolean }): Tensor {
    const group = this.#groupOf.get(name) as number;
    const now = () => this.#tracked[group] ?? this.#seen[group] ?? null;
    if (training || now() === null) this.#see(group, rangeOf(value));
    return roundedValue(value, now() as Range, this.#scheme);
  }

  endPass(): void {
    const moved = (from: number, to: number) => from + this.#momentum * (to - from);
    this.#seen.forEach((seen, i) => {
      const before = this.#tracked[i];
      if (seen !== null)
        this.#tracked[i] = before
          ? { min: moved(before.min, seen.min), max: moved(before.max, seen.max) }
          : seen;
    });
    this.#seen = this.#groups.map(() => null);
  }

  /** The mean of the ranks' ranges. */
  async share(ranks: Ranks): Promise<void> {
    const known = this.#tracked.flatMap((range) => range ?? []);
    const sums = await sumsOf(
      ranks,
      known.flatMap(({ min, max }) => [min, max]),
    );
    const means = sums.map((sum) => sum / ranks.size);
    this.#tracked.forEach((range, i) => {
      if (range) this.#tracked[i] = { min: means.shift() as number, max: means.shift() as number };
    });
  }

  /** By the names of the sources of each group that was seen. */
  read(): Map<string, Range> {
    return new Map(
      this.#groups.flatMap(({ sources }, i) => {
        const range = this.#tracked[i];
        return range ? sources.map((name) => [name, range] as const) : [];
      }),
    );
  }

  state(): MethodState {
    return { ranges: JSON.stringify([...this.read()]) };
  }

  load({ ranges = "[]" }: MethodState): void {
    const known = new Map(JSON.parse(String(ranges)) as [string, Range][]);
    this.#groups.forEach(({ sources }, i) => {
      this.#tracked[i] = sources.map((name) => known.get(name)).find((range) => range !== undefined) ?? null;
    });
  }

  #see(group: number, range: Range): void {
    const before = this.#seen[group];
    this.#seen[group] = before
      ? { min: Math.min(before.min, range.min), max: Math.max(before.max, range.max) }
      : range;
  }
}
