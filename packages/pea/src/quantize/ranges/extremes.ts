import type { Range } from "@pea/graph";
import { type ClampBounds, clampExtremes } from "@pea/kernels";
import { call, clampInPlace, type Tensor } from "@pea/torch";
import { asTheyLie, type RangeObserver } from "./range-observer.ts";

/** The least and the greatest of all numbers. */
export class Extremes implements RangeObserver {
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  add(values: Tensor, bounds?: ClampBounds): void {
    const { min, max } = clampExtremes(values, bounds) ?? inTwoPasses(values, bounds);
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
  }

  read(): Range {
    return { min: this.#min, max: this.#max };
  }
}

/** For memory with gaps, and without the kernels. */
function inTwoPasses(values: Tensor, bounds?: ClampBounds): Range {
  if (bounds !== undefined) clampInPlace(values, bounds);
  const [min, max] = call<Tensor[]>("aten::aminmax", asTheyLie(values)) as [Tensor, Tensor];
  return { min: min.item(), max: max.item() };
}
