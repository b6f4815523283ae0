import type { Pair, Sides } from "@pea/torch";

/** Whether a size is `value` along both axes, or a padding on all sides. */
export function isBoth(size: Pair | Sides, value: number): boolean {
  return typeof size === "number" ? size === value : size.every((one) => one === value);
}
