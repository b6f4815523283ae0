import type { Range } from "@pea/graph";
import type { ClampBounds } from "@pea/kernels";
import { permute, type Tensor } from "@pea/torch";

/** Watches the numbers of one value of a network, batch by batch, in memory that does not grow. */
export interface RangeObserver {
  /** @param bounds that the numbers are clamped to before, in place */
  add(values: Tensor, bounds?: ClampBounds): void;
  /** The range to be quantized. NaN where a number was. */
  read(): Range;
}

/** The same numbers in the order in which they lie, of images whose channels lie innermost too: reductions need no copy. */
export function asTheyLie(values: Tensor): Tensor {
  return values.ndim === 4 && !values.isContiguous() ? permute(values, [0, 2, 3, 1]) : values;
}
