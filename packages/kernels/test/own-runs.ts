/** Whether layers run on kernels of this package. */
import { after, before } from "node:test";
import { scope, type Tensor } from "@pea/torch";

/**
 * Hangs a kernel in for the tests of a group, and counts what it does.
 *
 * @param hangIn what takes kernels for a kind of layers
 * @param usual hung in again after the group
 * @returns whether a layer's forward pass runs on the kernel, once
 */
export function countingRuns<Given extends unknown[]>(
  hangIn: (kernel: (...given: Given) => Tensor | undefined) => void,
  kernel: (...given: Given) => Tensor | undefined,
  usual = kernel,
): (layer: { forward(x: Tensor): Tensor }, x: Tensor) => boolean {
  let runs = 0;
  before(() =>
    hangIn((...given) => {
      const result = kernel(...given);
      if (result !== undefined) runs++;
      return result;
    }),
  );
  after(() => hangIn(usual));
  return (layer, x) => {
    const runsBefore = runs;
    scope(() => void layer.forward(x));
    return runs === runsBefore + 1;
  };
}
