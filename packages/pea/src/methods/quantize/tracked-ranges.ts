/**
 * Ranges of values, tracked while a network trains.
 *
 * @module
 */
import type { Range, ValueGroup } from "@pea/graph";

/**
 * One range for each group of values: in the first pass that of what is seen, then range ← range + momentum · (seen − range)
 * at the end of each. A pass is rounded by the ranges of the passes before it.
 */
export class TrackedRanges {
  readonly #groups: readonly ValueGroup[];
  readonly #groupOf: ReadonlyMap<string, number>;
  readonly #momentum: number;
  readonly #tracked: (Range | null)[];
  #seen: (Range | null)[];

  /** @param momentum from 0 to 1 */
  constructor(groups: readonly ValueGroup[], momentum: number) {
    this.#groups = groups;
    this.#groupOf = new Map(groups.flatMap(({ values }, i) => values.map((name) => [name, i] as const)));
    this.#momentum = momentum;
    this.#tracked = groups.map(() => null);
    this.#seen = groups.map(() => null);
  }

  /** What a value is rounded by at this moment; null before anything of its group was seen. */
  of(name: string): Range | null {
    const group = this.#groupOf.get(name) as number;
    return this.#tracked[group] ?? this.#seen[group] ?? null;
  }

  /** Takes in what a value holds in this pass. */
  see(name: string, range: Range): void {
    const group = this.#groupOf.get(name) as number;
    const before = this.#seen[group];
    this.#seen[group] = before
      ? { min: Math.min(before.min, range.min), max: Math.max(before.max, range.max) }
      : range;
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

  /** By the names of the sources of each group that was seen. */
  read(): Map<string, Range> {
    return new Map(
      this.#groups.flatMap(({ sources }, i) => {
        const range = this.#tracked[i];
        return range ? sources.map((name) => [name, range] as const) : [];
      }),
    );
  }

  /** Goes on with ranges that `read` gave. */
  load(ranges: ReadonlyMap<string, Range>): void {
    this.#groups.forEach(({ sources }, i) => {
      this.#tracked[i] = sources.map((name) => ranges.get(name)).find((range) => range !== undefined) ?? null;
    });
  }
}
