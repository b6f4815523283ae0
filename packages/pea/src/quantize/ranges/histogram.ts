/**
 * How often which numbers come: counts in bins of one width, which doubles as larger numbers come.
 *
 * @module
 */
import type { Range } from "@pea/graph";
import type { ClampBounds } from "@pea/kernels";
import { call, reshape, type Tensor } from "@pea/torch";
import { Extremes } from "./extremes.ts";
import { asTheyLie, type RangeObserver } from "./range-observer.ts";

/** Bins from −2ᵏ to 2ᵏ, with the least k that all numbers fit in. */
export interface Histogram {
  /** Numbers in each bin, the lowest first. */
  readonly counts: Float64Array;
  /** How many of those in the bin from 0 on are 0. */
  readonly zeros: number;
  readonly range: Range;
  /** Least and greatest of the numbers themselves. */
  readonly extremes: Range;
}

const bins = 4096;

/** Numbers of a batch that are counted: counting costs ten times what finding the greatest does. */
const countedOfBatch = 2 ** 16;

/**
 * Counts numbers, of a large batch some, evenly spread; least and greatest are those of all. A wider histogram is a narrower one with pairs of bins put together, so that the counts do not depend on
 * the order in which numbers come, but for those of the first batches that lie closer to 0 than bins can tell apart.
 */
export class HistogramObserver implements RangeObserver {
  readonly #extremes = new Extremes();
  /** 2ᵏ; 0 before the first number that is not 0. */
  #bound = 0;
  #counts = new Float64Array(bins);
  #zeros = 0;

  /** @param choose the range to be quantized */
  constructor(private readonly choose: (histogram: Histogram) => Range) {}

  add(values: Tensor, bounds?: ClampBounds): void {
    this.#extremes.add(values, bounds);
    const { min, max } = this.#extremes.read();
    const greatest = Math.max(-min, max);
    // Read in the end, it is told with the value's name.
    if (!Number.isFinite(greatest)) return;
    this.#widen(greatest);
    if (this.#bound === 0) return;
    const some = someOf(values);
    const counted = call<Tensor>("aten::histc", some, bins, -this.#bound, this.#bound).toTypedArray();
    for (let bin = 0; bin < bins; bin++) add(this.#counts, bin, counted[bin] as number);
    this.#zeros += some.numel - call<Tensor>("aten::count_nonzero", some).item();
  }

  read(): Range {
    const extremes = this.#extremes.read();
    const isCounted = Number.isFinite(extremes.min) && Number.isFinite(extremes.max) && this.#bound > 0;
    if (!isCounted) return extremes;
    const range = { min: -this.#bound, max: this.#bound };
    return this.choose({ counts: this.#counts, zeros: this.#zeros, range, extremes });
  }

  /** Until a number fits in. */
  #widen(greatest: number): void {
    if (this.#bound === 0 && greatest > 0) this.#bound = 2 ** Math.ceil(Math.log2(greatest));
    while (this.#bound > 0 && this.#bound < greatest) {
      const wider = new Float64Array(bins);
      for (let bin = 0; bin < bins; bin++) add(wider, bins / 4 + (bin >> 1), this.#counts[bin] as number);
      this.#counts = wider;
      this.#bound *= 2;
    }
  }
}

function add(counts: Float64Array, bin: number, count: number): void {
  counts[bin] = (counts[bin] as number) + count;
}

/** Every so-many-th, by a step that divides no axis, so that all channels have their share. */
function someOf(values: Tensor): Tensor {
  let step = Math.ceil(values.numel / countedOfBatch);
  while (greatestCommonDivisor(step, values.numel) > 1) step++;
  return call("aten::slice.Tensor", reshape(asTheyLie(values), [-1]), 0, 0, values.numel, step);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
