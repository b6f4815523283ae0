import type { Size } from "./transforms/crop.ts";

/** The size that a recipe gives: the side of a square, or height and width as `256x512`. Null for anything else. */
export function parseImageSize(size: number | string): Size | null {
  if (typeof size === "number") return { height: size, width: size };
  const [, height, width] = /^([1-9]\d*)x([1-9]\d*)$/.exec(size) ?? [];
  return height === undefined ? null : { height: Number(height), width: Number(width) };
}
