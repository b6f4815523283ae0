/**
 * Integers of a file's shape arithmetic, which may hang on the number of images: `times · batch + plus`.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { isOpen as isOpenSize, perSample, type Size, sizeFor } from "@pea/graph";

/** A number, or one that grows with the batch, which has 1 image or more. */
export type Length = number | { readonly times: number; readonly plus: number };

export const lengthOf = (size: Size): Length =>
  isOpenSize(size) ? { times: sizeFor(size, 1), plus: 0 } : size;

/** As a size of a shape; undefined where it is neither a number nor so many for each image. */
export function sizeOf(length: Length): Size | undefined {
  if (typeof length === "number") return length;
  const isWhole = Number.isInteger(length.times) && length.times >= 1;
  return isWhole && length.plus === 0 ? perSample(length.times) : undefined;
}

export const isOpen = (length: Length): boolean => typeof length !== "number";

/** @throws PeaError where it hangs on the batch */
export function fixed(length: Length): number {
  return typeof length === "number" ? length : unknown();
}

const parts = (length: Length) => (typeof length === "number" ? { times: 0, plus: length } : length);

function made(times: number, plus: number): Length {
  return times === 0 ? plus : { times, plus };
}

export function plus(a: Length, b: Length): Length {
  if (typeof a === "number" && typeof b === "number") return a + b;
  const [left, right] = [parts(a), parts(b)];
  return made(left.times + right.times, left.plus + right.plus);
}

export function times(a: Length, b: Length): Length {
  if (typeof a === "number" && typeof b === "number") return a * b;
  const [left, right] = [parts(a), parts(b)];
  if (left.times !== 0 && right.times !== 0) return unknown();
  return made(left.times * right.plus + right.times * left.plus, left.plus * right.plus);
}

export const minus = (a: Length, b: Length): Length => plus(a, times(b, -1));

/** Where the quotient of the batch's part is whole. */
export function over(a: Length, b: Length, isWhole: boolean): Length {
  if (typeof a === "number" && typeof b === "number") return isWhole ? Math.trunc(a / b) : a / b;
  const [left, right] = [parts(a), parts(b)];
  // A multiple of the batch by the batch itself.
  if (right.times !== 0 && right.plus === 0 && left.plus === 0) return left.times / right.times;
  const by = right.plus;
  const isExact = !isWhole || (left.times % by === 0 && left.plus % by === 0);
  return right.times === 0 && isExact ? made(left.times / by, left.plus / by) : unknown();
}

/** Sign of `a − b`, where it is the same for every batch. */
export function compare(a: Length, b: Length): number {
  const difference = parts(minus(a, b));
  const least = difference.times + difference.plus;
  if (difference.times === 0) return Math.sign(difference.plus);
  if (difference.times > 0 && least > 0) return 1;
  return difference.times < 0 && least < 0 ? -1 : unknown();
}

function unknown(): never {
  throw new PeaError("the file computes with the number of images in a way that cannot be followed", {
    kind: "usage",
  });
}
