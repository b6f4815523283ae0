import type { Range } from "@pea/graph";
import { call, copyInPlace, full, keep, maximum, minimum, type Tensor } from "@pea/torch";
import { asTheyLie, type RangeObserver } from "./range-observer.ts";

/** The least and the greatest of all numbers. */
export class Extremes implements RangeObserver {
  readonly #min: Tensor;
  readonly #max: Tensor;

  constructor(device = "cpu") {
    this.#min = keep(full([], Number.POSITIVE_INFINITY, { device }));
    this.#max = keep(full([], Number.NEGATIVE_INFINITY, { device }));
  }

  add(values: Tensor): void {
    const [min, max] = call<Tensor[]>("aten::aminmax", asTheyLie(values)) as [Tensor, Tensor];
    copyInPlace(this.#min, minimum(this.#min, min));
    copyInPlace(this.#max, maximum(this.#max, max));
  }

  read(): Range {
    return { min: this.#min.item(), max: this.#max.item() };
  }

  dispose(): void {
    this.#min.dispose();
    this.#max.dispose();
  }
}
