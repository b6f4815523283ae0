import type { Obstacle } from "../method.ts";

/** What keeps a network with this α from being deployed: below 1 its smooth activation runs. */
export function obstacleOfAlpha(alpha: number, endStep: number): Obstacle | null {
  if (alpha === 1) return null;
  return { why: `alpha is ${alpha.toFixed(3)}: the network still holds a smooth activation`, endStep };
}
