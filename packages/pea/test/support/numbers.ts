import type { Tensor } from "@pea/torch";

/** A tensor's values in the order of its elements. */
export const numbers = (one: Tensor): number[] => Array.from(one.toTypedArray(), Number);
