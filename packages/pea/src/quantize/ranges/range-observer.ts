import type { Range } from "@pea/graph";
import { permute, type Tensor } from "@pea/torch";

/** Watches the numbers of one value of a network, batch by batch, in memory that does not grow. */
export interface RangeObserver {
  add(values: Tensor): void;
  /** The range to be quantized; waits for the device. NaN where a number was. */
  read(): Range;
  dispose(): void;
}

/** The same numbers in the order in which they lie, of images whose channels lie innermost too: reductions need no copy. */
export function asTheyLie(values: Tensor): Tensor {
  return values.ndim === 4 && !values.isContiguous() ? permute(values, [0, 2, 3, 1]) : values;
}
