import type { Pair } from "@pea/torch";

/** Whether a size is `value` along both axes. */
export function isBoth(size: Pair, value: number): boolean {
  return typeof size === "number" ? size === value : size[0] === value && size[1] === value;
}
