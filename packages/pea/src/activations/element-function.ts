/**
 * What is asked of a function that is to be an activation, and its values at single points.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import type { ElementFunction } from "@pea/kernels";
import { enableGrad, grad, noGrad, scope, sum, Tensor, tensor } from "@pea/torch";

/** f(x) in float64. */
export function valueAt(f: ElementFunction, x: number): number {
  return scope(() => noGrad(() => f(tensor([x], { dtype: "float64" })).item()));
}

/** f′(x) in float64, by autograd. */
export function slopeAt(f: ElementFunction, x: number): number {
  return scope(() => {
    const point = tensor([x], { dtype: "float64", requiresGrad: true });
    const [slope] = enableGrad(() => grad([sum(f(point))], [point]));
    return (slope as Tensor).item();
  });
}

/** Where a function is tried: closely about 0, and so far out that e^x exceeds float32. */
const points = [...Array.from({ length: 81 }, (_, i) => (i - 40) / 4), -100, 100];

/**
 * Tries a function in float32: it keeps shape and kind of its input, works on each element alone and has finite values
 * and derivatives.
 *
 * @throws PeaError of kind usage that says which of it does not hold, and where
 */
export function requireElementFunction(name: string, f: ElementFunction): void {
  scope(() => {
    const x = tensor(points, { requiresGrad: true });
    const { y, slopes } = differentiated(name, f, x);
    const values = requireFinite(name, "", y);
    requireFinite(name, "the derivative ", slopes);
    for (const [i, point] of points.entries()) {
      const alone = noGrad(() => f(tensor([point])).item());
      if (Math.abs(alone - values[i]) <= 1e-5 * Math.max(1, Math.abs(alone))) continue;
      throw refusal(
        name,
        `gives ${alone} for ${point} alone and ${values[i]} among other elements; it must be a function of each ` +
          "element alone, without random numbers",
      );
    }
  });
}

function differentiated(name: string, f: ElementFunction, x: Tensor): { y: Tensor; slopes: Tensor } {
  let y: Tensor;
  try {
    y = enableGrad(() => f(x));
  } catch (error) {
    throw refusal(name, `cannot be computed: ${(error as Error).message}`, error);
  }
  const found = y instanceof Tensor ? `${y.dtype} [${y.shape.join(", ")}]` : String(y);
  const wanted = `${x.dtype} [${x.shape.join(", ")}]`;
  if (found !== wanted)
    throw refusal(name, `gives ${found} for a tensor ${wanted}; it must keep shape and dtype`);
  try {
    const [slopes] = grad([sum(y)], [x]);
    return { y, slopes: slopes as Tensor };
  } catch (error) {
    throw refusal(
      name,
      `cannot be differentiated (${(error as Error).message}); compose it of operators of @pea/torch, from its argument on`,
      error,
    );
  }
}

/** The numbers of a tensor that has one for each point. */
function requireFinite(name: string, what: string, tensor: Tensor): number[] {
  const values = Array.from(tensor.toTypedArray(), Number);
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return values;
  throw refusal(
    name,
    `gives ${what}${values[at]} at ${points[at]} in float32; write it so that no step of it overflows`,
  );
}

function refusal(name: string, problem: string, cause?: unknown): PeaError {
  return new PeaError(`activation ${name} ${problem}`, { kind: "usage", cause });
}
