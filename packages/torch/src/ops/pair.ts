/** One number for both axes, or [height, width]. */
export type Pair = number | readonly [number, number];
