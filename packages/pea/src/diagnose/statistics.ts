/**
 * Statistics of what flows through a network, of its batch norms and of its gradients.
 *
 * @module
 */
import {
  add,
  amax,
  type BatchNorm2d,
  foreachNorm,
  gt,
  log,
  lt,
  type Module,
  mean,
  mul,
  noGrad,
  pow,
  scope,
  stack,
  sub,
  type Tensor,
  variance,
} from "@pea/torch";
import type { GradientNorms, NormMismatch, SiteStatistics } from "./row.ts";

/** @param input pre-activations [N, channels, …] */
export function siteStatistics(input: Tensor): Omit<SiteStatistics, "path"> {
  return inNoGrad(() => {
    const center = mean(input);
    const squares = pow(sub(input, center), 2);
    const spread = mean(squares);
    const [average, square, fourth, negative, alive] = numbers([
      center,
      spread,
      mean(mul(squares, squares)),
      mean(lt(input, 0), { dtype: "float32" }),
      mean(gt(amax(input, { dim: allButChannels(input) }), 0), { dtype: "float32" }),
    ]);
    return {
      mean: short(average),
      std: short(Math.sqrt(square)),
      negative: short(negative),
      kurtosis: short(fourth / square ** 2 - 3),
      dead: short(1 - alive),
    };
  });
}

/** What of a batch norm decides its output in evaluation. */
export type RunningStatistics = Pick<BatchNorm2d, "runningMean" | "runningVar" | "eps">;

/** @param input what the batch norm normalizes, [N, channels, …] */
export function normMismatch(
  input: Tensor,
  { runningMean, runningVar, eps }: RunningStatistics,
): Omit<NormMismatch, "path"> {
  return inNoGrad(() => {
    const dim = allButChannels(input);
    const shift = sub(mean(input, { dim }), runningMean);
    const running = add(runningVar, eps);
    const own = add(variance(input, { dim, correction: 0 }), eps);
    const [meanSquare, varianceSquare] = numbers([
      mean(pow(mul(shift, pow(running, -0.5)), 2)),
      mean(pow(sub(log(own), log(running)), 2)),
    ]);
    return { mean: short(Math.sqrt(meanSquare)), variance: short(Math.sqrt(varianceSquare)) };
  });
}

/** Norms of the gradients that stand at a network's parameters. */
export function gradientNorms(model: Module): GradientNorms {
  return inNoGrad(() => {
    const found = [...model.namedParameters()].flatMap(([key, { grad }]) =>
      grad === null ? [] : [{ path: key.slice(0, key.lastIndexOf(".")), grad }],
    );
    const norms = found.length === 0 ? [] : numbers(foreachNorm(found.map(({ grad }) => grad)));
    const squares = new Map<string, number>();
    for (const [index, { path }] of found.entries())
      squares.set(path, (squares.get(path) ?? 0) + (norms[index] as number) ** 2);
    return {
      global: short(Math.sqrt([...squares.values()].reduce((sum, square) => sum + square, 0))),
      modules: Object.fromEntries([...squares].map(([path, square]) => [path, short(Math.sqrt(square))])),
    };
  });
}

function inNoGrad<T>(body: () => T): T {
  return scope(() => noGrad(body));
}

/** All dimensions but the second. */
function allButChannels({ ndim }: Tensor): number[] {
  return [0, ...Array.from({ length: ndim - 2 }, (_, index) => index + 2)];
}

/** Values of scalars, waiting for the device once. */
function numbers<const T extends readonly Tensor[]>(scalars: T): { [K in keyof T]: number } {
  return Array.from(stack(scalars).toTypedArray(), Number) as { [K in keyof T]: number };
}

/** Six digits are more than float32 statistics carry, and keep the file small. */
export function short(value: number): number {
  return Number(value.toPrecision(6));
}
