/**
 * What is added around the images of a convolution.
 * @module
 */
import { TorchError } from "../error.ts";
import { written } from "../options.ts";
import type { Pair } from "./pair.ts";

/** How much is added on each side of an image, in the order of `pad`. */
export type Sides = readonly [left: number, right: number, top: number, bottom: number];

/** Lists that a padding may be, by their length; that of one axis is as good as its number. */
const lists = { 1: undefined, 2: "[height, width]", 4: "[left, right, top, bottom]" } as const;

type Length = keyof typeof lists;

/**
 * Refuses a padding that libtorch or a kernel would not understand, or not say so in words of the caller's.
 *
 * @param owner what pads, for the message
 * @param padding as it was given; undefined for none
 * @param lengths of the lists that may stand for it
 * @param least of its numbers: −∞ where those below 0 take pixels away, as `pad` does
 * @throws TorchError with the padding and what it may be
 */
export function requirePadding(owner: string, padding: unknown, lengths: readonly Length[], least = 0): void {
  if (padding === undefined) return;
  const sizes: readonly unknown[] = Array.isArray(padding) ? padding : [padding];
  const fits = !Array.isArray(padding) || lengths.some((length) => length === sizes.length);
  const isSize = (size: unknown) => Number.isSafeInteger(size) && (size as number) >= least;
  if (fits && sizes.every(isSize)) return;
  const known = lengths.flatMap((length) => lists[length] ?? []);
  throw new TorchError(
    `${owner} takes as its padding a whole number${Number.isFinite(least) ? ` of at least ${least}` : ""}` +
      `${known.length === 0 ? "" : `, or of such ${known.join(" or ")}`}, got ${written(padding)}`,
  );
}

/** A padding by its sides. */
function sidesOf(padding: Pair | Sides): Sides {
  if (typeof padding === "number") return [padding, padding, padding, padding];
  if (padding.length === 4) return padding;
  const [vertical, horizontal] = padding;
  return [horizontal, horizontal, vertical, vertical];
}

type Extents = readonly [before: number, after: number];

/**
 * A convolution's padding before and after each axis.
 *
 * @throws TorchError for what `conv2d` does not take as a padding
 */
export function sidesByAxis(padding: Pair | Sides): readonly [height: Extents, width: Extents] {
  requirePadding("conv2d", padding, [2, 4]);
  const [left, right, top, bottom] = sidesOf(padding);
  return [
    [top, bottom],
    [left, right],
  ];
}
