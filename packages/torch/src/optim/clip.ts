import { noGrad } from "../autograd.ts";
import { call } from "../call.ts";
import { TorchError } from "../error.ts";
import { foreachMulInPlace, foreachNorm } from "../ops/foreach.ts";
import { stack } from "../ops/shape.ts";
import { scope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";

/**
 * Scales the gradients down together where the Euclidean norm of all of them, n, exceeds a largest one:
 *
 *     gradient ← gradient · min(1, maxNorm / (n + 1e-6))
 *
 * as PyTorch's `clip_grad_norm_`. Call it between `backward` and the optimizer's step; it waits for the device.
 *
 * @param parameters those without a gradient are left out; all on one device and of one dtype
 * @returns n, as it was before
 * @throws TorchError unless maxNorm is above 0
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): number {
  if (!(maxNorm > 0)) throw new TorchError(`clipGradNorm: maxNorm must be above 0, got ${maxNorm}`);
  return scope(() =>
    noGrad(() => {
      const gradients = [...parameters].flatMap(({ grad }) => grad ?? []);
      if (gradients.length === 0) return 0;
      const norm = call<Tensor>("aten::norm.Scalar", stack(foreachNorm(gradients)), 2).item();
      const factor = maxNorm / (norm + 1e-6);
      if (!(factor >= 1)) foreachMulInPlace(gradients, factor);
      return norm;
    }),
  );
}
