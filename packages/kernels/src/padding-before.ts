import { type Pair, type Sides, sidesByAxis } from "@pea/torch";

/** [top, left] of a padding by which square windows give ⌈size / stride⌉ outputs along each axis; undefined of another one. */
export function paddingBefore(
  [, , height = 0, width = 0]: readonly number[],
  window: number,
  stride: number,
  padding: Pair | Sides,
): [top: number, left: number] | undefined {
  const [[top, bottom], [left, right]] = sidesByAxis(padding);
  const fits = (size: number, before: number, after: number) =>
    Math.floor((size + before + after - window) / stride) + 1 === Math.ceil(size / stride);
  return fits(height, top, bottom) && fits(width, left, right) ? [top, left] : undefined;
}
