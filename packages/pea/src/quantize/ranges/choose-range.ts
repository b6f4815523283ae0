/**
 * Ranges chosen from histograms: what lies beyond them is cut off, for a finer scale within.
 *
 * @module
 */
import { boundsOf, quantizationOf, type Range, type Scheme } from "@pea/graph";
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
 * The range with the least mean squared error in a scheme's integers: of rounding, a twelfth of a step squared, and of what
 * lies beyond the integers, its distance squared. Zeros, of which ReLU makes many, cost nothing: 0 is one of the numbers that
 * integers stand for. Both ends are drawn in, one after the other.
 */
export function leastErrorRange({ counts, zeros, range, extremes }: Histogram, scheme: Scheme): Range {
  const width = (range.max - range.min) / counts.length;
  const numbers = [...counts.entries()]
    .map(([place, count]) => ({
      value: range.min + (place + 0.5) * width,
      count: place === counts.length / 2 ? count - zeros : count,
    }))
    .filter(({ count }) => count > 0);
  const error = (candidate: Range): number => {
    const { step, least, greatest } = heldIn(candidate, scheme);
    return numbers.reduce((sum, { value, count }) => {
      const beyond = Math.max(0, value - greatest, least - value);
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

/** The numbers that a scheme's integers for a range stand for. */
function heldIn(range: Range, scheme: Scheme): { step: number; least: number; greatest: number } {
  const {
    type,
    scales: [step = 1],
    zeroPoints: [zero = 0],
  } = quantizationOf(range, scheme);
  const [least, greatest] = boundsOf(type);
  return { step, least: step * (least - zero), greatest: step * (greatest - zero) };
}

function within({ min, max }: Range, extremes: Range): Range {
  return { min: Math.max(min, extremes.min), max: Math.min(max, extremes.max) };
}
