import { distance } from "fastest-levenshtein";

/**
 * The known name that a mistyped one is likely to mean, whatever the case of its letters; null where none is near: more
 * than a third of the letters would have to change, and more than two.
 */
export function nearestName(name: string, known: readonly string[]): string | null {
  const changes = (candidate: string) => distance(name.toLowerCase(), candidate.toLowerCase());
  const [nearest] = known.toSorted((a, b) => changes(a) - changes(b));
  return nearest !== undefined && changes(nearest) <= Math.max(2, name.length / 3) ? nearest : null;
}
