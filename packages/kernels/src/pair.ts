import { type Pair, type Sides, sidesByAxis } from "@pea/torch";

/** Whether a size is `value` along both axes. */
export function isBoth(size: Pair, value: number): boolean {
  return typeof size === "number" ? size === value : size.every((one) => one === value);
}

/**
 * Whether a padding is `value` on all sides.
 *
 * @throws TorchError for what is no padding
 */
export function isAround(padding: Pair | Sides, value: number): boolean {
  return sidesByAxis(padding).every((sides) => isBoth(sides, value));
}
