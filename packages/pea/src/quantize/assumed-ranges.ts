import { type IntegerPlan, producersOf, type Ranges, rangedValues } from "@pea/graph";

/**
 * Ranges for a network that no image has been seen by, where what matters is which operators it has: of n values the k-th
 * goes from −(1 + k / n), or 0 behind an activation, to 1 + k / n, so that no two have one scale but those that must.
 */
export function assumedRanges(plan: IntegerPlan): Ranges {
  const producers = producersOf({ ...plan.graph, nodes: plan.nodes });
  const names = rangedValues(plan);
  return new Map(
    names.map((name, place) => {
      const max = 1 + place / names.length;
      const node = producers.get(name);
      const isBent = plan.nodes.some((each) => each === node && each.fused !== undefined);
      return [name, { min: isBent ? 0 : -max, max }];
    }),
  );
}
