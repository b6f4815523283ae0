import { createHash } from "node:crypto";
import type { SampleSource } from "../sources/sample-source.ts";
import { type Split, toSplit } from "./split.ts";

/** What samples are drawn for: draws for different purposes are independent. */
export type DrawPurpose = "test" | "validation" | "limit";

export interface DrawOptions {
  /** Share of the samples to draw, between 0 and 1. */
  readonly share: number;
  readonly purpose: DrawPurpose;
  readonly seed: number;
  /** Whether a sample is among those drawn, where that is settled already; undefined where it is not. */
  readonly known?: (index: number) => boolean | undefined;
}

/** A sample and the number that its name stands for. */
interface Drawn {
  readonly index: number;
  readonly number: number;
}

/** What of a class is drawn, and which of its samples are on the edge. */
interface ClassDraw {
  size: number;
  drawn: number;
  lowest: Drawn | null;
  highest: Drawn | null;
}

/**
 * Draws a share of the samples by their names: a sample is drawn where its number is below the share, so that another
 * one that is added, removed or renamed moves none. Each class gives its share on average.
 *
 * A class of two samples or more gives at least one and keeps at least one: where none is drawn by its number it is the
 * one with the lowest, where all are the one with the highest is kept. In classes so small, and only there, a sample may
 * take the place of another. A class of one keeps it.
 */
export function splitByName(
  { labels, nameOf }: Pick<SampleSource, "labels" | "nameOf">,
  { share, purpose, seed, known }: DrawOptions,
): Split {
  const isDrawn = new Uint8Array(labels.length);
  const classes = new Map<number, ClassDraw>();
  for (const [index, label] of labels.entries()) {
    const draw = classes.get(label) ?? { size: 0, drawn: 0, lowest: null, highest: null };
    classes.set(label, draw);
    const number = numberOf(nameOf(index), { purpose, seed });
    const settled = known?.(index);
    const drawn = Number(settled ?? number < share);
    isDrawn[index] = drawn;
    draw.size++;
    draw.drawn += drawn;
    if (settled !== undefined) continue;
    if (number < (draw.lowest?.number ?? 1)) draw.lowest = { index, number };
    if (number > (draw.highest?.number ?? -1)) draw.highest = { index, number };
  }
  for (const { size, drawn, lowest, highest } of classes.values()) {
    if (drawn === 0 && size > 1 && lowest) isDrawn[lowest.index] = 1;
    if (drawn === size && highest) isDrawn[highest.index] = 0;
  }
  return toSplit(isDrawn);
}

/**
 * Keeps some of the samples by their names, of each class at least that with the highest number.
 *
 * @param options.limit up to 1: a share, of those whose numbers are that near to 1; above 1: how many, one of each class and
 *   those with the highest numbers of the others, so that another one takes the place of at most one; where there are
 *   more classes, as many as these
 */
export function keepByName(
  { labels, nameOf }: Pick<SampleSource, "labels" | "nameOf">,
  { limit, purpose, seed }: Pick<DrawOptions, "purpose" | "seed"> & { readonly limit: number },
): Split {
  const numbers = Float64Array.from(labels, (_, index) => numberOf(nameOf(index), { purpose, seed }));
  const order = Int32Array.from(labels.keys()).sort(
    (a, b) => (numbers[b] as number) - (numbers[a] as number),
  );
  const isDrawn = new Uint8Array(labels.length).fill(1);
  let left = limit - new Set(labels).size;
  const met = new Set<number>();
  for (const index of order) {
    const label = labels[index] as number;
    const isFirst = !met.has(label);
    met.add(label);
    const isWithin = limit > 1 ? !isFirst && left-- > 0 : (numbers[index] as number) >= 1 - limit;
    if (isWithin || isFirst) isDrawn[index] = 0;
  }
  return toSplit(isDrawn);
}

/** A number from 0 up to but not 1: the first 48 bits of SHA-256 of purpose, seed and name with zero bytes between. */
export function numberOf(name: string, { purpose, seed }: Pick<DrawOptions, "purpose" | "seed">): number {
  const digest = createHash("sha256").update(`${purpose}\0${seed}\0${name}`).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}
