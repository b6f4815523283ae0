/**
 * Ranges chosen from histograms: what lies beyond them is cut off, for a finer scale within.
 *
 * @module
 */
import type { Range } from "@pea/graph";
import type { Histogram } from "./histogram.ts";

/** One number of so many is cut off at each end. */
const keptOf = 10_000;

/** From the 0.01th to the 99.99th percentile, each to the outer edge of its bin, and no wider than the numbers. */
export function percentileRange({ counts, range, extremes }: Histogram): Range {
  const total = counts.reduce((a, b) => a + b, 0);
  const allowed = total / keptOf;
  const width = (range.max - range.min) / counts.length;
  const placeOf = (inOrder: Iterable<[number, number]>): number => {
    let cut = 0;
    for (const [place, count] of inOrder) {
      cut += count;
      if (cut > allowed) return place;
    }
    return 0;
  };
  const upwards = [...counts.entries()];
  const low = range.min + placeOf(upwards) * width;
  const high = range.min + (placeOf(upwards.toReversed()) + 1) * width;
  return within({ min: low, max: high }, extremes);
}

/** Ends that are tried: the extremes times 1, 99/100, …, 20/100. */
const shares = Array.from({ length: 81 }, (_, i) => 1 - i / 100);

/**
 * The range with the least mean squared error of 256 steps: of rounding, a twelfth of a step squared, and of what lies
 * beyond an end, its distance squared. Both ends are drawn in, one after the other.
 */
export function leastErrorRange({ counts, range, extremes }: Histogram): Range {
  const width = (range.max - range.min) / counts.length;
  const filled = [...counts.entries()].filter(([, count]) => count > 0);
  const numbers = filled.map(([place, count]) => ({ value: range.min + (place + 0.5) * width, count }));
  const error = ({ min, max }: Range): number => {
    const step = (Math.max(max, 0) - Math.min(min, 0)) / 255;
    return numbers.reduce((sum, { value, count }) => {
      const beyond = Math.max(0, value - max, min - value);
      return sum + count * (beyond > 0 ? beyond ** 2 : step ** 2 / 12);
    }, 0);
  };
  const best = (candidates: readonly Range[]): Range =>
    candidates
      .map((candidate) => ({ candidate, error: error(candidate) }))
      .reduce((a, b) => (b.error < a.error ? b : a)).candidate;
  const drawnIn = best(shares.map((share) => ({ min: extremes.min * share, max: extremes.max * share })));
  const below = best(shares.map((share) => ({ ...drawnIn, min: extremes.min * share })));
  return best(shares.map((share) => ({ ...below, max: extremes.max * share })));
}

function within({ min, max }: Range, extremes: Range): Range {
  return { min: Math.max(min, extremes.min), max: Math.min(max, extremes.max) };
}
